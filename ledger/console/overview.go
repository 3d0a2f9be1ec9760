package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
)

const (
	daysShown = 30
	maxDays   = 366
	itemsShow = 10
)

// overview is the first page.
type overview struct {
	frame
	Days             int // added up, until today
	Choices          []int
	UnderWay         int64
	Unreported       int64
	Stuck, Overdue   int64
	OverdueSince     time.Time
	Oldest           *row // of the unfinished purchases
	Counts           []ledger.Count
	Elsewhere        []ledger.Count // of realms that this ledger does not serve
	Income           chart
	Paid, Refused    ledger.Tally
	Slow             bool // adding up took too long
	Items            []bar
	IncomeOfAllItems bool
}

func (c *console) overview(w http.ResponseWriter, r *http.Request, operator Operator) error {
	page := overview{frame: newFrame("Overview", operator), Days: daysShown, Choices: []int{7, daysShown, 90, maxDays - 1}}
	if text := r.URL.Query().Get("days"); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil || days < 1 || days > maxDays {
			return problem{http.StatusBadRequest, "The number of days is between 1 and " + strconv.Itoa(maxDays) + "."}
		}
		page.Days = days
	}
	ctx, stop := c.within(r)
	defer stop()
	if err := c.count(ctx, &page); err != nil {
		return err
	}
	if err := c.addUp(ctx, &page); err != nil {
		if ctx.Err() == nil {
			return err
		}
		c.log.WarnContext(r.Context(), "gloebit console: purchases are not added up in time", "days", page.Days, "error", err)
		page.Slow = true
	}
	return c.write(w, http.StatusOK, "overview", page)
}

// count fills in the numbers of unfinished purchases.
func (c *console) count(ctx context.Context, page *overview) error {
	counts, err := c.ledger.Counts(ctx)
	if err != nil {
		return err
	}
	for _, count := range counts {
		if count.Realm == c.ledger.Realm() {
			page.Unreported += count.Unreported
		}
		if count.Purchases == 0 { // a finished state
			continue
		}
		if count.Realm != c.ledger.Realm() {
			page.Elsewhere = append(page.Elsewhere, count)
			continue
		}
		page.Counts = append(page.Counts, count)
		page.UnderWay += count.Purchases - count.Stuck
		page.Stuck += count.Stuck
		page.Overdue += count.Overdue
		if since := count.OverdueSince; page.OverdueSince.IsZero() || !since.IsZero() && since.Before(page.OverdueSince) {
			page.OverdueSince = since
		}
	}
	oldest, err := c.ledger.List(ctx, ledger.Query{States: unfinished(), OldestFirst: true, Limit: 1})
	if err != nil {
		return err
	}
	for _, p := range oldest {
		first := newRow(p)
		page.Oldest = &first
	}
	return nil
}

// addUp fills in the totals of the last days.
func (c *console) addUp(ctx context.Context, page *overview) error {
	today := c.now().UTC().Truncate(24 * time.Hour)
	from, until := today.AddDate(0, 0, 1-page.Days), today.AddDate(0, 0, 1)
	states, err := c.ledger.Tally(ctx, ledger.ByState, from, until)
	if err != nil {
		return err
	}
	for _, tally := range states {
		if tally.State == ledger.Refused {
			page.Refused = tally
		}
	}
	days, err := c.ledger.Tally(ctx, ledger.ByDay, from, until)
	if err != nil {
		return err
	}
	for _, tally := range days {
		page.Paid.Purchases += tally.Purchases
		page.Paid.Gloebits += tally.Gloebits
	}
	page.Income = newChart(from, page.Days, days)
	items, err := c.ledger.Tally(ctx, ledger.ByItem, from, until)
	if err != nil {
		return err
	}
	page.Items = newBars(items[:min(len(items), itemsShow)])
	return nil
}

// bar is a bar of a chart, in the chart's units.
type bar struct {
	ledger.Tally
	X, Y, Width, Height float64
}

// chart has a bar for each day.
type chart struct {
	Bars          []bar
	Width, Height float64
	Most          int64 // gloebits of the highest bar
	First, Last   time.Time
}

func newChart(from time.Time, days int, tallies []ledger.Tally) chart {
	const width, height = 600.0, 160.0
	c := chart{Width: width, Height: height, First: from, Last: from.AddDate(0, 0, days-1)}
	for _, tally := range tallies {
		c.Most = max(c.Most, tally.Gloebits)
	}
	each := width / float64(days)
	for _, tally := range tallies {
		high := share(tally.Gloebits, c.Most) * height
		nth := tally.Day.Sub(from).Hours() / 24
		c.Bars = append(c.Bars, bar{tally, nth * each, height - high, max(each*0.8, 0.5), high})
	}
	return c
}

func newBars(tallies []ledger.Tally) (list []bar) {
	for _, tally := range tallies { // the first is the largest
		list = append(list, bar{Tally: tally, Width: share(tally.Gloebits, tallies[0].Gloebits) * 100})
	}
	return list
}

// share returns part divided by whole, or 0 if whole is 0.
func share(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
