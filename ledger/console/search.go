package console

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
)

const pageSize = 50

// filter holds the fields of the search form.
type filter struct {
	User, Account, Item, State, From, Until string
	Oldest                                  bool
}

// choices returns the values of the filter's State.
func choices() []string {
	list := []string{"unfinished", "stuck", "overdue"}
	for _, state := range ledger.States() {
		list = append(list, string(state))
	}
	return list
}

func readFilter(form url.Values) filter {
	return filter{
		form.Get("user"), form.Get("account"), form.Get("item"), form.Get("state"), form.Get("from"), form.Get("until"),
		form.Get("oldest") != "",
	}
}

// Query returns the filter as a URL query. A string would be escaped in the
// pages' links, so that they lose the filter.
func (f filter) Query() template.URL {
	values := url.Values{}
	for name, value := range map[string]string{
		"user": f.User, "account": f.Account, "item": f.Item, "state": f.State, "from": f.From, "until": f.Until,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if f.Oldest {
		values.Set("oldest", "yes")
	}
	return template.URL(values.Encode())
}

// query returns the filter as a query of the ledger.
func (f filter) query(now time.Time) (q ledger.Query, err error) {
	q = ledger.Query{UserID: f.User, GloebitID: f.Account, Item: f.Item, OldestFirst: f.Oldest}
	switch state := ledger.State(f.State); {
	case f.State == "":
	case f.State == "unfinished":
		q.States = unfinished()
	case f.State == "stuck":
		q.Stuck = true
	case f.State == "overdue":
		q.DueBefore = now.Add(-time.Minute) // the same limit as Ledger.Counts
	case slices.Contains(ledger.States(), state):
		q.States = []ledger.State{state}
	default:
		return q, problem{http.StatusBadRequest, "There is no such state."}
	}
	if q.From, err = readDay(f.From); err != nil {
		return q, err
	}
	if q.Until, err = readDay(f.Until); err == nil && !q.Until.IsZero() {
		q.Until = q.Until.AddDate(0, 0, 1) // includes the whole day
	}
	return q, err
}

func unfinished() []ledger.State {
	return slices.DeleteFunc(ledger.States(), func(state ledger.State) bool {
		return ledger.Purchase{State: state}.Finished()
	})
}

func readDay(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, problem{http.StatusBadRequest, "A day is written as 2026-05-31."}
	}
	return day, nil
}

// row is a purchase in a list.
type row struct {
	ledger.Purchase
	Name, Mark string
	Deeds      []deed // actions that are possible
}

func newRow(p ledger.Purchase) row { return row{p, item(p), mark(p), possible(p)} }

// search shows the purchases that a filter selects, one page at a time.
func (c *console) search(w http.ResponseWriter, r *http.Request, operator Operator) error {
	form := r.URL.Query()
	if id := strings.TrimSpace(form.Get("id")); id != "" {
		w.Header().Set("Location", "?"+url.Values{"view": {"purchase"}, "id": {id}}.Encode())
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	page := struct {
		frame
		Filter  filter
		Choices []string
		Deeds   []deed
		Rows    []row
		Able    bool // whether an action is possible on any row
		First   bool
		Next    string // the cursor of the next page
	}{
		frame: newFrame("Purchases", operator), Filter: readFilter(form), Choices: choices(), Deeds: deeds(),
		First: form.Get("after") == "",
	}
	q, err := page.Filter.query(c.now())
	if err != nil {
		return err
	}
	if q.After, err = ledger.ParseCursor(form.Get("after")); err != nil {
		return problem{http.StatusBadRequest, "There is no such page of the list."}
	}
	ctx, stop := c.within(r)
	defer stop()
	q.Limit = pageSize + 1
	list, err := c.ledger.List(ctx, q)
	if err != nil {
		return err
	}
	if len(list) > pageSize {
		list = list[:pageSize]
		page.Next = list[pageSize-1].Cursor().String()
	}
	for _, p := range list {
		one := newRow(p)
		page.Rows, page.Able = append(page.Rows, one), page.Able || len(one.Deeds) > 0
	}
	return c.write(w, http.StatusOK, "search", page)
}

// purchase shows one purchase.
func (c *console) purchase(w http.ResponseWriter, r *http.Request, operator Operator) error {
	ctx, stop := c.within(r)
	defer stop()
	p, err := c.ledger.Get(ctx, r.URL.Query().Get("id"))
	if err != nil {
		return err
	}
	page := struct {
		frame
		row
	}{newFrame("Purchase", operator), newRow(p)}
	return c.write(w, http.StatusOK, "purchase", page)
}
