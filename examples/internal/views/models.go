package views

import (
	"time"

	"github.com/google/uuid"
)

// Page is one of the models of this file.
type Page interface{ template() string }

// Frame is what every page has around it.
type Frame struct {
	Title string
	// Here is the path of the tab that is open; others leave it empty.
	Here string
	// Visitor is nil for one who is not connected.
	Visitor *Visitor
	// ConnectURL is where the Connect buttons lead.
	ConnectURL string
	// Notice says what the last action did; mostly nil.
	Notice *Notice
	// Refresh is after how many seconds the browser asks for the page again.
	// Zero is never.
	Refresh int
}

// Visitor is who is connected.
type Visitor struct {
	Name string
	// Balance is in gloebits, written for people; empty when it isn't known.
	Balance string
	// MoreURL is Gloebit's page for buying gloebits, with the way back.
	MoreURL string
}

// Tone is the colour of a message, and its class in the stylesheet.
type Tone string

// The tones of messages.
const (
	Good Tone = "good"
	Warn Tone = "warn"
	Bad  Tone = "bad"
)

// Notice is a message above a page.
type Notice struct {
	Tone Tone
	Text string
}

// Card is an article as the catalogue and its own page show it.
type Card struct {
	Slug, Title, Line, Story string
	Price                    int64
	Service                  bool
	// Order is the key of the buy form. Nil: no form, the visitor can't buy yet.
	Order *uuid.UUID
	// Quantity is what the article's own page proposes, Most what it allows.
	Quantity, Most int64
}

// Catalogue is the front page.
type Catalogue struct {
	Frame
	Products, Services []Card
}

// Article is the page of one article.
type Article struct {
	Frame
	Article Card
}

// Thing is something that the visitor owns.
type Thing struct {
	Slug, Title string
	Count       int64
	// Order is the key of the form that uses one up.
	Order uuid.UUID
}

// Things is the page of what the visitor owns.
type Things struct {
	Frame
	Products, Services []Thing
}

// Empty reports whether the visitor owns nothing at all.
func (t Things) Empty() bool { return len(t.Products)+len(t.Services) == 0 }

// Resend is a form that sends an order once more, under the same key.
type Resend struct {
	Slug     string
	Order    uuid.UUID
	Quantity int64
}

// Line is one purchase.
type Line struct {
	Title           string
	Quantity, Total int64
	At              time.Time
	TransactionID   string
	// Outcome is how far it has come, in a word or two.
	Outcome string
	Tone    Tone
	// Words say more, where there is more to say.
	Words string
}

// Purchases is the page of the visitor's purchases.
type Purchases struct {
	Frame
	Lines []Line
}

// NotEnough says that the balance is too small.
type NotEnough struct {
	Frame
	Slug, Article   string
	Quantity, Total int64
	// MoreURL leads to Gloebit and back to the article.
	MoreURL string
}

// Goodbye follows a disconnect.
type Goodbye struct {
	Frame
	// AccountURL is the page at Gloebit where permissions are revoked.
	AccountURL string
}

// Action is a button that leads on.
type Action struct{ Label, URL string }

// Trouble says in words what went wrong, and what can be done. Its heading is
// the frame's title.
type Trouble struct {
	Frame
	Words  []string
	Act    *Action
	Resend *Resend
}

func (Catalogue) template() string { return "catalogue" }
func (Article) template() string   { return "article" }
func (Things) template() string    { return "things" }
func (Purchases) template() string { return "purchases" }
func (NotEnough) template() string { return "notenough" }
func (Goodbye) template() string   { return "goodbye" }
func (Trouble) template() string   { return "trouble" }
