package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// pageSize is the number of entries on a page of a history.
const pageSize = 25

// history is one page of entries, newest first.
type history struct {
	Entries      []entry
	Newer, Older int // numbers of the adjacent pages; 0 means none
}

// entry is one line of a history.
type entry struct {
	When    string
	Machine string // the same time for programs
	What    string
	With    string // the other party: an application or a user
	ID      string // the application's ID of the transaction, if it is one
	State   string
	Tone    string // "good", "bad" or neither
	Amount  string
	Plus    bool // gloebits were received
	Off     bool // no gloebits were moved in the end
	time    time.Time
}

// transactionEntry returns a transaction from the payer's point of view.
func transactionEntry(t gloebittest.Transaction, with string) entry {
	what := t.Product
	if what == "" {
		what = t.Asset
	}
	if what == "" {
		what = "Payment"
	}
	if t.Quantity > 1 {
		what += " × " + groupedInt(t.Quantity)
	}
	state, tone := stateWords(t.State)
	e := stamped(t.Created)
	e.What, e.With, e.ID, e.State, e.Tone, e.Amount = what, with, t.ID, state, tone, groupedInt(t.Amount)
	e.Off = t.State == gloebittest.StateCanceled || t.State == gloebittest.StateFailed
	return e
}

func purchaseEntry(p purchase) entry {
	e := stamped(p.Time)
	e.What, e.State, e.Tone, e.Amount, e.Plus = "Gloebits bought", "Done", "good", groupedInt(p.Amount), true
	return e
}

func stamped(t time.Time) entry {
	t = t.UTC()
	return entry{When: t.Format("2 Jan 2006, 15:04"), Machine: t.Format(time.RFC3339), time: t}
}

// stateWords returns the text for a transaction's state, from the payer's point
// of view.
func stateWords(state gloebittest.State) (words, tone string) {
	switch state {
	case gloebittest.StateQueued:
		return "On hold", ""
	case gloebittest.StateInProgress:
		return "Paid, being delivered", "good"
	case gloebittest.StateSettled:
		return "Paid", "good"
	case gloebittest.StateCanceled:
		return "Cancelled, returned", ""
	case gloebittest.StateFailed:
		return "Not enough gloebits", "bad"
	default:
		return string(state), ""
	}
}

// paged sorts entries and returns the page that the request selects. An invalid
// page number selects page 1.
func paged(r *http.Request, entries []entry) history {
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(b.time.UnixNano(), a.time.UnixNano()) })
	last := max(1, (len(entries)+pageSize-1)/pageSize)
	page, err := strconv.Atoi(r.Form.Get("page"))
	if err != nil {
		page = 1
	}
	page = min(max(page, 1), last)
	h := history{Newer: page - 1}
	if page < last {
		h.Older = page + 1
	}
	from := (page - 1) * pageSize
	h.Entries = entries[from:min(from+pageSize, len(entries))]
	return h
}
