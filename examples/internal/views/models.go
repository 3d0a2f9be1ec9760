package views

import (
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
)

// Page is one of the models of this file.
type Page interface{ template() string }

// Frame is the layout of every page.
type Frame struct {
	Title string
	// Here is the path of the page, and Tab the path of its tab.
	Here, Tab string
	// Visitor is nil if the visitor is not connected.
	Visitor *Visitor
	// ConnectURL is the URL of the Connect button. If empty, there is none.
	ConnectURL string
	// Notice is the result of the last action; usually nil.
	Notice *Notice
	// Next is the page that the browser loads at once and shows when it
	// arrives. If empty, there is none.
	Next string
}

// Current returns the aria-current of a tab: whether it is the page, contains
// the page, or neither.
func (f Frame) Current(tab string) string {
	switch tab {
	case f.Here:
		return "page"
	case f.Tab:
		return "true"
	default:
		return "false"
	}
}

// Visitor is the connected user.
type Visitor struct {
	Name string
	// Balance is in gloebits. It may be unknown.
	Balance gloebit.Amount
	// MoreURL is Gloebit's page for buying gloebits, with a link back.
	MoreURL string
}

// Tone is the color of a message, and its class in the stylesheet.
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
	// Receipt is the path of the purchase's receipt. If empty, nothing was
	// bought.
	Receipt string
}

// Catalogue is the front page.
type Catalogue struct {
	Frame
	Products, Services []catalogue.Article
}

// Article is the page of one article, with a proposed quantity.
type Article struct {
	Frame
	Article        catalogue.Article
	Quantity, Most int64
}

// Checkout is the page that shows an order before it is sent.
type Checkout struct {
	Frame
	Article         catalogue.Article
	Quantity, Total int64
	// Left is what is left of the balance, and Missing what it lacks. At least
	// one of them is empty, and both are if the balance is unknown.
	Left, Missing string
	// Back is the path of the article.
	Back string
	// Order is the key of the form.
	Order uuid.UUID
}

// Thing is a product or service that the visitor owns.
type Thing struct {
	Slug, Title string
	Count       int64
}

// Things is the page of what the visitor owns.
type Things struct {
	Frame
	Products, Services []Thing
}

// Empty reports whether the visitor owns nothing.
func (t Things) Empty() bool { return len(t.Products)+len(t.Services) == 0 }

// Use is the page that asks before one piece of a product is used up. Its
// heading is the frame's title.
type Use struct {
	Frame
	Slug  string
	Count int64
	// Order is the key of the form.
	Order uuid.UUID
}

// Resend is a form that sends an order again with the same key.
type Resend struct {
	Slug     string
	Order    uuid.UUID
	Quantity int64
}

// Line is one purchase.
type Line struct {
	Slug, Title     string
	Quantity, Total int64
	At              time.Time
	TransactionID   string
	// Receipt is the path of the purchase's own page.
	Receipt string
	// Outcome is the state of the purchase, in a word or two.
	Outcome string
	Tone    Tone
	// Words explain the state further. It may be empty.
	Words string
}

// Purchases is the page of the visitor's purchases.
type Purchases struct {
	Frame
	Lines []Line
}

// Receipt is the page of one purchase.
type Receipt struct {
	Frame
	Line  Line
	Price int64
}

// Goodbye is the page after a disconnect.
type Goodbye struct {
	Frame
	// AccountURL is the page at Gloebit where users revoke access.
	AccountURL string
}

// Action is a button that leads to another page.
type Action struct{ Label, URL string }

// Trouble explains an error, and what the visitor can do. Its heading is the
// frame's title.
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
func (Checkout) template() string  { return "checkout" }
func (Use) template() string       { return "use" }
func (Receipt) template() string   { return "receipt" }
func (Goodbye) template() string   { return "goodbye" }
func (Trouble) template() string   { return "trouble" }
