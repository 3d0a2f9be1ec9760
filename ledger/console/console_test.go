package console_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/console"
	"github.com/stretchr/testify/require"
)

func TestNewNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := console.New(console.Config{Timeout: -1})
	for _, field := range []string{"Ledger", "Authorize", "Timeout"} {
		require.ErrorContains(t, err, "Config."+field)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	p := w.stuck("p1", ledger.Settled)
	for _, c := range []struct {
		operator string
		request  func(operator string) *httptest.ResponseRecorder
		want     int
	}{
		{"", func(o string) *httptest.ResponseRecorder { return w.get(o, "") }, 403},
		{":act", func(o string) *httptest.ResponseRecorder { return w.get(o, "") }, 403},
		{"ann:", func(o string) *httptest.ResponseRecorder { return w.get(o, "?view=export&format=csv") }, 403},
		{":act", func(o string) *httptest.ResponseRecorder { return w.post(o, deed("retry", "", p)) }, 403},
		{"ann:read", func(o string) *httptest.ResponseRecorder { return w.get(o, "") }, 200},
		{"ann:read", func(o string) *httptest.ResponseRecorder { return w.get(o, "?view=export&format=csv") }, 200},
		{"ann:read", func(o string) *httptest.ResponseRecorder { return w.get(o, "?view=confirm&act=retry&id=p1") }, 403},
		{"ann:read", func(o string) *httptest.ResponseRecorder { return w.post(o, deed("retry", "", p)) }, 403},
		{"ann:act", func(o string) *httptest.ResponseRecorder { return w.get(o, "?view=confirm&act=retry&id=p1") }, 200},
	} {
		require.Equal(t, c.want, c.request(c.operator).Code, c.operator)
		require.Equal(t, p, w.purchase("p1"))
	}
	require.NotContains(t, w.get("ann:read", "?view=purchase&id=p1").Body.String(), "Retry")
	require.Contains(t, w.get("ann:act", "?view=purchase&id=p1").Body.String(), "Retry")
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for query, want := range map[string]int{
		"?view=search&user=" + strings.Repeat("u", 100<<10): 400,
		"?view=search&state=lost":                           400,
		"?view=search&from=yesterday":                       400,
		"?view=search&until=2026-02-30":                     400,
		"?view=search&after=nowhere":                        400,
		"?days=0":                                           400,
		"?days=100000":                                      400,
		"?view=confirm&act=retry":                           400,
		"?view=confirm&act=delete&id=p":                     400,
		"?view=export&format=xml":                           400,
		"?view=nothing":                                     404,
		"?view=purchase&id=unknown":                         404,
		"?view=search&user=%ff":                             400,
		"?view=search&item=%00":                             400,
		"?view=purchase&id=%00":                             400,
		"?view=search&user=%zz;&&=":                         200,
	} {
		answer := w.get("ann:act", query)
		require.Equal(t, want, answer.Code, "%.60s", query)
		require.Contains(t, answer.Header().Get("Content-Type"), "text/html")
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "https://shop.example/office", nil)
	require.Equal(t, http.StatusMethodNotAllowed, w.send("ann:act", r).Code)
}

func TestCrossSiteFormsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	p := w.stuck("p1", ledger.Settled)
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r := httptest.NewRequestWithContext(
			t.Context(), http.MethodPost, "https://shop.example/office", strings.NewReader(deed("retry", "", p).Encode()),
		)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(name, value)
		require.Equal(t, http.StatusForbidden, w.send("ann:act", r).Code)
		require.Equal(t, p, w.purchase("p1"))
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, query := range []string{"", "?view=search", "?view=style", "?view=nothing"} {
		header := w.get("ann:read", query).Header()
		require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
		require.NotContains(t, header.Get("Content-Security-Policy"), "unsafe")
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", header.Get("Cache-Control"))
	}
	require.Contains(t, w.get("ann:read", "?view=style").Header().Get("Content-Type"), "text/css")
}

func TestOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.Contains(t, w.get("ann:read", "").Body.String(), "Every purchase is finished.")
	for day := range 3 {
		w.put(fmt.Sprint("paid", day), ledger.Delivered, func(p *ledger.Purchase) {
			p.PaidAt, p.Price = w.clock.Now().AddDate(0, 0, -day), 1234
		})
	}
	w.put("old", ledger.Delivered, func(p *ledger.Purchase) { p.PaidAt = w.clock.Now().AddDate(0, 0, -100) })
	w.put("refused", ledger.Refused, nil)
	w.stuck("stuck", ledger.Reserved)
	w.put("overdue", ledger.Settled, func(p *ledger.Purchase) {
		p.CreatedAt, p.NextAt, p.Item = p.CreatedAt.Add(-time.Hour), p.CreatedAt.Add(-time.Hour), "<crown>"
	})
	w.put("elsewhere", ledger.Created, func(p *ledger.Purchase) { p.Realm = "www.gloebit.com/former" })
	body := w.get("ann:read", "").Body.String()
	for _, want := range []string{
		"<dd>3</dd>", "3,702", "www.gloebit.com/former", "Does <code>Ledger.Run</code> run?",
		`<a href="?view=purchase&amp;id=overdue">&lt;crown&gt;</a>`, `aria-label="Income by day from`,
	} {
		require.Contains(t, body, want)
	}
	require.Contains(t, w.get("ann:read", "?days=365").Body.String(), "3,802")
}

func TestOverviewShowsUnreportedPurchases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	unreported := func(p *ledger.Purchase) { p.ReportAt = p.UpdatedAt }
	w.put("p1", ledger.Delivered, unreported)
	w.put("p2", ledger.Refused, unreported)
	w.put("elsewhere", ledger.Delivered, func(p *ledger.Purchase) {
		unreported(p)
		p.Realm = "www.gloebit.com/former"
	})
	require.NotContains(t, w.get("ann:read", "").Body.String(), "OnChange")
	w.clock.Advance(time.Hour)
	body := w.get("ann:read", "").Body.String()
	require.Contains(t, body, "<code>OnChange</code> has not accepted: 2.")
	require.Contains(t, body, "Every purchase is finished.")
	require.NotContains(t, body, "www.gloebit.com/former")
}

func TestSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.put("p1", ledger.Delivered, nil)
	w.put("p2", ledger.Refused, func(p *ledger.Purchase) {
		p.UserID, p.GloebitID, p.Item, p.Product = "bob & co", "g-bob", "", "crown"
	})
	w.clock.Advance(48 * time.Hour)
	w.stuck("p3", ledger.Settled)
	day := w.clock.Now().UTC().Format(time.DateOnly)
	for query, want := range map[string]string{
		"":                                  "p3 p2 p1",
		"&oldest=yes":                       "p1 p2 p3",
		"&user=bob+%26+co":                  "p2",
		"&account=g-bob":                    "p2",
		"&item=hat":                         "p3 p1",
		"&item=crown&state=refused":         "p2",
		"&item=crown&state=delivered":       "",
		"&state=unfinished":                 "p3",
		"&state=stuck":                      "p3",
		"&state=overdue":                    "",
		"&from=" + day:                      "p3",
		"&until=" + day:                     "p3 p2 p1",
		"&from=2020-01-01&until=2020-01-02": "",
	} {
		require.Equal(t, want, strings.Join(listed(w.get("ann:act", "?view=search"+query).Body.String()), " "), query)
	}
	found := w.get("ann:act", "?view=search&id=p2")
	require.Equal(t, http.StatusSeeOther, found.Code)
	require.Equal(t, "?id=p2&view=purchase", found.Header().Get("Location"))
}

// listed are the ids of the purchases on a page, in their order.
func listed(body string) (ids []string) {
	for _, part := range strings.Split(body, `<th scope="row"><a href="?view=purchase&amp;id=`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		ids = append(ids, id)
	}
	return ids
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const item = `a & "b"=c; 100%é`
	for i := range 120 {
		w.put(fmt.Sprintf("p%03d", i), ledger.Delivered, func(p *ledger.Purchase) { p.Item = item })
		w.put(fmt.Sprintf("q%03d", i), ledger.Refused, func(p *ledger.Purchase) { p.Item = item })
		w.put(fmt.Sprintf("r%03d", i), ledger.Delivered, nil)
	}
	var all []string
	first := "?view=search&state=delivered&item=" + url.QueryEscape(item)
	for query, pages := first, 0; query != ""; pages++ {
		require.Less(t, pages, 3)
		body := w.get("ann:read", query).Body.String()
		all = append(all, listed(body)...)
		query = ""
		if before, _, more := strings.Cut(body, `" rel="next">`); more {
			query = lastLink(before)
		}
		before, _, _ := strings.Cut(body, `">CSV</a>`)
		table, err := csv.NewReader(w.get("ann:read", lastLink(before)).Body).ReadAll()
		require.NoError(t, err)
		require.Len(t, table, 1+120)
		before, _, back := strings.Cut(body, `">To the start</a>`)
		require.Equal(t, pages > 0, back)
		if back {
			require.Equal(t, all[:50], listed(w.get("ann:read", lastLink(before)).Body.String()))
		}
	}
	require.Len(t, all, 120)
	require.Equal(t, "p000", all[119])
}

// lastLink returns the last link of a page that was cut inside the link.
func lastLink(before string) string {
	return html.UnescapeString(before[strings.LastIndex(before, `href="`)+6:])
}

func TestPurchase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.put("p1", ledger.Reserved, func(p *ledger.Purchase) {
		p.StuckAt, p.Cause, p.Username, p.Data = p.UpdatedAt, "<b>no answer</b>", "Alice", []byte(`{"gift":"<i>"}`)
		p.History = append(p.History, ledger.Change{
			From: p.State, To: p.State, At: p.UpdatedAt, Cause: "taken up again", By: "zoe",
		})
	})
	body := w.get("ann:act", "?view=purchase&id=p1").Body.String()
	for _, want := range []string{
		"It waits for Gloebit's report that it is paid", "mark it as paid", "&lt;b&gt;no answer", "zoe",
		`{&#34;gift&#34;:&#34;&lt;i&gt;&#34;}`,
		`value="retry"`, `value="paid"`,
	} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, `value="cancel"`, "it is too late")
	for _, state := range ledger.States() {
		w.put("of-"+string(state), state, nil)
		w.stuck("stuck-"+string(state), state)
		require.Equal(t, 200, w.get("ann:act", "?view=purchase&id=of-"+string(state)).Code)
		require.Equal(t, 200, w.get("ann:act", "?view=purchase&id=stuck-"+string(state)).Code)
	}
}

// damaged is a store with one purchase that can't be read.
type damaged struct{ ledger.Store }

func (s damaged) Get(ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	if key.ID == "bad" {
		return ledger.Purchase{}, fmt.Errorf("%w: bad", ledger.ErrUnreadable)
	}
	return s.Store.Get(ctx, key)
}

func (s damaged) List(ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
	list, err := s.Store.List(ctx, q)
	return append(list, ledger.Purchase{
		Realm: q.Realm, ID: "bad", State: ledger.Settled, Cause: "can't be read: no JSON",
	}), err
}

func TestAPurchaseThatCantBeReadIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(store ledger.Store) ledger.Store { return damaged{store} })
	w.stuck("good", ledger.Settled)
	body := w.get("ann:act", "?view=search").Body.String()
	require.Contains(t, body, `<span class="state unreadable">unreadable</span>`)
	require.Contains(t, body, "can&#39;t be read: no JSON")
	require.NotContains(t, body, `name="id" value="bad"`)
	require.Contains(t, w.get("ann:act", "?view=purchase&id=bad").Body.String(), "This purchase can&#39;t be read")
	asked := w.get("ann:act", "?view=confirm&act=retry&id=bad&id=good").Body.String()
	require.Contains(t, asked, "This purchase can&#39;t be read")
	require.Contains(t, asked, "Retry: 1 purchase<")
}

// newer is a store whose purchases are in a state that this version lacks.
type newer struct{ ledger.Store }

func (s newer) Get(ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	p, err := s.Store.Get(ctx, key)
	p.State = "shipped"
	return p, err
}

func TestUnknownStateCanOnlyBeShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(store ledger.Store) ledger.Store { return newer{store} })
	w.stuck("p", ledger.Accepted)
	page := w.get("ann:act", "?view=purchase&id=p").Body.String()
	require.Contains(t, page, "a newer version of this program")
	require.NotContains(t, page, "No money is at stake")
	for _, act := range []string{"retry", "cancel", "paid"} {
		require.NotContains(t, page, `value="`+act+`"`)
		require.Contains(t, w.get("ann:act", "?view=confirm&act="+act+"&id=p").Body.String(), "There is nothing to do")
	}
}

// away is a store whose database does not respond.
type away struct{ ledger.Store }

func (away) Get(ctx context.Context, _ connect.Key) (ledger.Purchase, error) {
	<-ctx.Done()
	return ledger.Purchase{}, ctx.Err()
}

func (away) List(ctx context.Context, _ ledger.Query) ([]ledger.Purchase, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (away) Counts(ctx context.Context, _ time.Time) ([]ledger.Count, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (away) Change(
	ctx context.Context, _ connect.Key, _ func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	<-ctx.Done()
	return ledger.Purchase{}, ctx.Err()
}

func TestUnavailableDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(store ledger.Store) ledger.Store { return away{store} })
	for _, query := range []string{
		"", "?view=search", "?view=purchase&id=p", "?view=confirm&act=retry&id=p", "?view=export&format=csv",
	} {
		began := time.Now()
		answer := w.get("ann:act", query)
		require.Equal(t, http.StatusServiceUnavailable, answer.Code, query)
		require.Contains(t, answer.Body.String(), "The database does not answer")
		require.Less(t, time.Since(began), 20*time.Second)
	}
	p := ledger.Purchase{ID: "p", UpdatedAt: w.clock.Now()}
	q := ledger.Purchase{ID: "q", UpdatedAt: w.clock.Now()}
	answer := w.post("ann:act", deed("retry", "", p, q))
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.Contains(t, answer.Body.String(), "Not tried, because the database does not answer")
}

// slow is a store whose totals take too long.
type slow struct{ ledger.Store }

func (slow) Tally(ctx context.Context, _ string, _ ledger.Grouping, _, _ time.Time) ([]ledger.Tally, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSlowTotalsAreOmitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(store ledger.Store) ledger.Store { return slow{store} })
	w.stuck("p", ledger.Settled)
	answer := w.get("ann:act", "")
	require.Equal(t, http.StatusOK, answer.Code)
	require.Contains(t, answer.Body.String(), "could not be added up in time")
	require.Contains(t, answer.Body.String(), `<div class="bad"><dt><a href="?view=search&amp;state=stuck">`)
}

func TestOperatorFreesStuckPurchase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		act   string
		state ledger.State
		want  ledger.State
		said  string
	}{
		{"retry", ledger.Settled, ledger.Delivered, "taken up again: mended"},
		{"cancel", ledger.Accepted, ledger.Released, "canceled by the application: mended"},
		{"paid", ledger.Reserved, ledger.Delivered, "marked as paid: mended"},
	} {
		t.Run(c.act, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			p := w.stuck("p1", c.state)
			w.clock.Advance(time.Hour)
			require.Equal(t, []string{"p1"}, listed(w.get("ann:act", "?view=search&state=stuck").Body.String()))
			asked := w.get("ann:act", "?view=confirm&act="+c.act+"&id=p1").Body.String()
			require.Contains(t, asked, fmt.Sprintf(`name="seen-p1" value="%d"`, p.UpdatedAt.UnixMicro()))
			answer := w.post("ann:act", deed(c.act, "mended", p))
			require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
			require.Contains(t, answer.Body.String(), "Done for 1 of 1.")
			require.NoError(t, w.ledger.Reconcile(t.Context()))
			got := w.purchase("p1")
			require.Equal(t, c.want, got.State)
			require.Equal(
				t, ledger.Change{From: c.state, To: got.History[1].To, At: w.clock.Now(), Cause: c.said, By: "ann"},
				got.History[1],
			)
		})
	}
}

func TestStuckPurchaseOfUnknownUser(t *testing.T) {
	w := newWorld(t, nil)
	for state, advice := range map[ledger.State]string{
		ledger.Settled: "Pay the user back", ledger.Canceled: "No money is at stake.",
	} {
		p := w.put(string(state), state, func(p *ledger.Purchase) {
			p.UserID, p.GloebitID, p.StuckAt, p.Cause = "", "", p.UpdatedAt, errBroken.Error()
		})
		page := w.get("ann:act", "?view=purchase&id="+p.ID).Body.String()
		require.Contains(t, page, advice)
		require.Equal(t, state == ledger.Canceled, strings.Contains(page, `value="retry"`), "%s", state)
	}
	require.Equal(t, http.StatusOK, w.post("ann:act", deed("retry", "", w.purchase("canceled"))).Code)
	require.False(t, w.purchase("canceled").Stuck())
}

func TestConcurrentActReturnsConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	p := w.stuck("p1", ledger.Accepted)
	other := w.stuck("p2", ledger.Accepted)
	w.clock.Advance(time.Minute)
	require.Equal(t, http.StatusOK, w.post("ann:act", deed("cancel", "", p)).Code)
	after := w.purchase("p1")
	response := w.post("zoe:act", deed("paid", "seen at Gloebit", p, other))
	require.Equal(t, http.StatusConflict, response.Code)
	require.Contains(t, response.Body.String(), "Done for 1 of 2.")
	require.Contains(t, response.Body.String(), "Not done: it is no longer stuck, or is already paid or canceled.")
	require.Equal(t, after, w.purchase("p1"))
	response = w.post("zoe:act", deed("cancel", "", p))
	require.Contains(t, response.Body.String(), "it has changed since you looked at it")
	require.Equal(t, after, w.purchase("p1"))
}

func TestInvalidActs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	p := w.stuck("p1", ledger.Reserved)
	unseen := deed("retry", "", p)
	unseen.Del("seen-p1")
	many := deed("retry", "")
	for i := range 101 {
		many.Add("id", fmt.Sprint(i))
	}
	for name, c := range map[string]struct {
		form url.Values
		want int
	}{
		"without a reason":   {deed("paid", " ", p), 409},
		"too late to cancel": {deed("cancel", "", p), 409},
		"unknown purchase":   {deed("retry", "", ledger.Purchase{ID: "x", UpdatedAt: w.clock.Now()}), 409},
		"unknown act":        {deed("delete", "", p), 400},
		"no purchase":        {deed("retry", ""), 400},
		"unseen":             {unseen, 409},
		"an id of bytes":     {deed("retry", "", ledger.Purchase{ID: "\xff"}), 400},
		"too many":           {many, 400},
		"a form of 100 kB":   {deed("retry", strings.Repeat("r", 100<<10), p), 400},
	} {
		require.Equal(t, c.want, w.post("ann:act", c.form).Code, name)
		require.Equal(t, p, w.purchase("p1"), name)
	}
}
