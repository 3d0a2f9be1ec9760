package console

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit/ledger"
)

// timestamp formats a time for a page.
func timestamp(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2006-01-02 15:04:05") + `</time>`)
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// gloebits formats a number with commas.
func gloebits(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// storable reports whether a purchase can contain the texts. Others must not be
// used in a query, because a database may reject them.
func storable(texts []string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool {
		return !utf8.ValidString(text) || strings.ContainsRune(text, 0)
	})
}

// item returns the name of what was bought.
func item(p ledger.Purchase) string { return p.Item + p.Product }

// mark returns a purchase's state as a page shows it.
func mark(p ledger.Purchase) string {
	switch {
	case unreadable(p):
		return "unreadable"
	case p.Stuck():
		return "stuck"
	}
	return string(p.State)
}

// unreadable reports whether a listed purchase has only the fields of its
// columns.
func unreadable(p ledger.Purchase) bool {
	return len(p.History) == 0 && strings.HasPrefix(p.Cause, "can't be read: ")
}

// deed is an action that an operator can take on a purchase.
type deed struct {
	Name    string // its value in forms
	Button  string
	Meaning string
	Reason  bool // whether a reason is required
	can     func(p ledger.Purchase) bool
}

func deeds() []deed {
	return []deed{
		{"retry", "Retry", "The next step is tried at once.", false, func(p ledger.Purchase) bool {
			return slices.Contains(unfinished(), p.State) && (p.UserID != "" || p.State == ledger.Canceled)
		}},
		{"cancel", "Cancel", "The user is not charged, and the gloebits on hold go back.", false,
			func(p ledger.Purchase) bool {
				return p.State == ledger.Created || p.State == ledger.Accepted
			}},
		{"paid", "Mark as paid", "It is settled as if Gloebit had reported the payment, and delivered. " +
			"Do this only if Gloebit's merchant page shows that it was paid.", true, func(p ledger.Purchase) bool {
			return p.Stuck() && (p.State == ledger.Created || p.State == ledger.Accepted || p.State == ledger.Reserved)
		}},
	}
}

// findDeed returns the action of that name, or an error.
func findDeed(name string) (deed, error) {
	for _, d := range deeds() {
		if d.Name == name {
			return d, nil
		}
	}
	return deed{}, problem{400, "There is no such act."}
}

// possible returns the actions that are possible on a purchase.
func possible(p ledger.Purchase) (list []deed) {
	for _, d := range deeds() {
		if !unreadable(p) && d.can(p) {
			list = append(list, d)
		}
	}
	return list
}
