package views

import (
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
)

// Page is one of the models of this file.
type Page interface{ template() string }

// Frame is what every page has around it.
type Frame struct {
	Title string
	// Here is the path of the page, and Tab that of the tab that it belongs to.
	Here, Tab string
	// Visitor is nil for one who is not connected.
	Visitor *Visitor
	// ConnectURL is where the Connect button leads. Empty: there is none.
	ConnectURL string
	// Notice says what the last action did; mostly nil.
	Notice *Notice
	// Next is the page that the browser asks for at once and shows when it comes.
	// Empty is none.
	Next string
}

// Current is the aria-current of a tab: of the page itself, of a page that belongs
// to the tab, or of another.
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

// Visitor is who is connected.
type Visitor struct {
	Name string
	// Balance is in gloebits. It may be unknown.
	Balance gloebit.Amount
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
	// Receipt is the path of the receipt of what was bought. Empty: nothing was.
	Receipt string
}

// Catalogue is the front page.
type Catalogue struct {
	Frame
	Products, Services []catalogue.Article
}

// Article is the page of one article, which proposes a quantity.
type Article struct {
	Frame
	Article        catalogue.Article
	Quantity, Most int64
}

// Checkout is the page on which an order is looked at before it is sent.
type Checkout struct {
	Frame
	Article         catalogue.Article
	Quantity, Total int64
	// Left is what the balance leaves, Missing what it lacks. One of them is empty,
	// and both are if the balance is unknown.
	Left, Missing string
	// Back is the path of the article.
	Back string
	// Order is the key of the form.
	Order uuid.UUID
}

// Thing is something that the visitor owns.
type Thing struct {
	Slug, Title string
	Count       int64
}

// Things is the page of what the visitor owns.
type Things struct {
	Frame
	Products, Services []Thing
}

// Empty reports whether the visitor owns nothing at all.
func (t Things) Empty() bool { return len(t.Products)+len(t.Services) == 0 }

// Use asks before one of a product is used up. Its heading is the frame's title.
type Use struct {
	Frame
	Slug  string
	Count int64
	// Order is the key of the form.
	Order uuid.UUID
}

// Resend is a form that sends an order once more, under the same key.
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

// Receipt is the page of one purchase.
type Receipt struct {
	Frame
	Line  Line
	Price int64
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
func (Checkout) template() string  { return "checkout" }
func (Use) template() string       { return "use" }
func (Receipt) template() string   { return "receipt" }
func (Goodbye) template() string   { return "goodbye" }
func (Trouble) template() string   { return "trouble" }
