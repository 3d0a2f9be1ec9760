package main

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/ledger"
)

// TestStuckPurchaseFreed follows an operator who finds a paid purchase that was
// not delivered, and frees it.
func TestStuckPurchaseFreed(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		p := w.buy("form-1")
		w.settle()
		require.Equal(t, ledger.Delivered, w.get(p.ID).State, "without a failure")

		p = w.buy("form-2")
		w.breakAfterReserve()
		for range 12 {
			w.now = w.now.Add(3 * time.Hour)
			w.reconcile()
		}
		require.True(t, w.get(p.ID).Stuck())

		require.Equal(t, 3, w.runs("doctor").code)
		stuck := w.succeeds("purchases", "list", "--stuck")
		require.Contains(t, stuck, p.ID)
		require.Contains(t, stuck, "settled, stuck")
		require.Contains(t, w.succeeds("purchases", "show", p.ID), "the warehouse is closed")

		w.goods.broken = false
		w.reconcile()
		require.True(t, w.get(p.ID).Stuck(), "it waits for the operator")
		require.Contains(t, w.succeeds("purchases", "retry", "--reason", "the warehouse is open", p.ID), "settled")
		w.reconcile()
		require.Equal(t, ledger.Delivered, w.get(p.ID).State)
		history := w.succeeds("purchases", "show", p.ID)
		require.Contains(t, history, "olga")
		require.Contains(t, history, "the warehouse is open")
		require.NotContains(t, w.succeeds("purchases", "list", "--stuck"), p.ID)
	})
}

// breakAfterReserve lets Gloebit call back for a purchase, and makes the
// delivery fail.
func (w *world) breakAfterReserve() {
	w.t.Helper()
	w.goods.onReserve = func() { w.goods.broken = true }
	w.settle()
	w.goods.onReserve = nil
}

func TestActs(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		for _, c := range []struct {
			name  string
			state ledger.State
			stuck bool
			args  []string
			code  int
			want  ledger.State // after the command
			then  ledger.State // after the shop's next pass
		}{
			{"cancel_accepted", ledger.Accepted, true, []string{"cancel", "--yes"}, 0, ledger.Canceled, ledger.Released},
			{"cancel_created", ledger.Created, false, []string{"cancel", "--yes"}, 0, ledger.Canceled, ledger.Released},
			{"cancel_reserved", ledger.Reserved, true, []string{"cancel", "--yes"}, 1, ledger.Reserved, ledger.Reserved},
			{
				"pay_reserved", ledger.Reserved, true, []string{"mark-paid", "--yes", "--reason", "seen"}, 0, ledger.Settled,
				ledger.Delivered,
			},
			{
				"pay_accepted", ledger.Accepted, true, []string{"mark-paid", "--yes", "--reason", "seen"}, 0, ledger.Settled,
				ledger.Settled,
			},
			{
				"pay_not_stuck", ledger.Reserved, false, []string{"mark-paid", "--yes", "--reason", "seen"}, 1, ledger.Reserved,
				ledger.Reserved,
			},
			{"pay_without_reason", ledger.Reserved, true, []string{"mark-paid", "--yes"}, 2, ledger.Reserved, ledger.Reserved},
			{"cancel_unconfirmed", ledger.Accepted, true, []string{"cancel"}, 2, ledger.Accepted, ledger.Accepted},
			{"cancel_dry", ledger.Accepted, true, []string{"cancel", "--dry-run"}, 0, ledger.Accepted, ledger.Accepted},
			{
				"pay_dry", ledger.Reserved, true, []string{"mark-paid", "--dry-run", "--reason", "seen"}, 0, ledger.Reserved,
				ledger.Reserved,
			},
			{"retry_settled", ledger.Settled, true, []string{"retry"}, 0, ledger.Settled, ledger.Delivered},
			{"retry_dry", ledger.Settled, true, []string{"retry", "--dry-run"}, 0, ledger.Settled, ledger.Settled},
		} {
			t.Run(c.name, func(t *testing.T) {
				w.t = t
				p := w.put(c.name, c.state, c.stuck)
				got := w.runs(append(append([]string{"purchases"}, c.args...), p.ID)...)
				require.Equal(t, c.code, got.code, got.log)
				require.Equal(t, c.want, w.get(p.ID).State)
				w.now = w.now.Add(time.Second)
				w.reconcile()
				require.Equal(t, c.then, w.get(p.ID).State)
			})
		}
	})
}

func TestPaidWithoutReservationWaitsForRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	p := w.put("one", ledger.Accepted, true)
	got := w.runs("purchases", "mark-paid", "--yes", "--reason", "the merchant page", p.ID)
	require.Zero(t, got.code, got.log)
	require.Contains(t, got.out, "settled, stuck")
	require.Empty(t, w.goods.calls)
	w.succeeds("purchases", "retry", p.ID)
	w.reconcile()
	require.Equal(t, ledger.Delivered, w.get(p.ID).State)
	require.Equal(t, []string{"deliver"}, w.goods.calls)
}

func TestQuestion(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]ledger.State{
		"y\n": ledger.Canceled, "YES\n": ledger.Canceled, "n\n": ledger.Accepted, "\n": ledger.Accepted,
		"yesterday\n": ledger.Accepted,
	} {
		t.Run(strings.TrimSpace(answer), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newSQLite(t))
			p := w.put("one", ledger.Accepted, false)
			got := w.typing(answer, "purchases", "cancel", p.ID)
			require.Contains(t, got.log, "Really cancel 1 of them? [y/N]")
			require.Equal(t, want, w.get(p.ID).State)
			require.Equal(t, want == ledger.Accepted, got.code == exitFailed)
		})
	}
}

func TestActOnSeveral(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	w.put("one", ledger.Accepted, false)
	w.put("two", ledger.Delivered, false)
	got := w.runs("purchases", "cancel", "--yes", "one", "two")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.log, "too late")
	require.Equal(t, ledger.Canceled, w.get("one").State)

	w.put("three", ledger.Accepted, false)
	got = w.runs("purchases", "cancel", "--yes", "three", "unknown")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.log, "nothing was done")
	require.Equal(t, ledger.Accepted, w.get("three").State)

	w.env["USER"] = ""
	require.Equal(t, exitUsage, w.runs("purchases", "cancel", "--yes", "three").code)
	w.succeeds("purchases", "cancel", "--yes", "--as", "Olga", "three", "three")
	require.Equal(t, "Olga", w.get("three").History[1].By)
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		w.put("one", ledger.Delivered, false)
		w.now = w.now.Add(time.Hour)
		w.put("two", ledger.Reserved, true)
		w.now = w.now.Add(time.Hour)
		w.put("three", ledger.Settled, false, func(p *ledger.Purchase) {
			p.UserID, p.GloebitID, p.Item, p.NextAt = "bob", "g-bob", "red-hat", w.now.Add(-2*time.Minute)
		})
		for _, c := range []struct {
			args string
			want string
		}{
			{"", "three two one"},
			{"--oldest-first", "one two three"},
			{"--user alice", "two one"},
			{"--account g-bob", "three"},
			{"--item red-hat", "three"},
			{"--state delivered --state settled", "three one"},
			{"--stuck", "two"},
			{"--overdue", "three"},
			{"--from 2026-05-02T12:30:00Z", "three two"},
			{"--until 2026-05-02T12:30:00Z", "one"},
			{"--until 2026-05-02", ""},
			{"--limit 2", "three two"},
		} {
			t.Run(c.args, func(t *testing.T) {
				w.t = t
				var list []ledger.Purchase
				require.NoError(
					t,
					json.Unmarshal(
						[]byte(w.succeeds(append([]string{"purchases", "list", "--json"}, strings.Fields(c.args)...)...)), &list,
					),
				)
				ids := []string{}
				for _, p := range list {
					ids = append(ids, p.ID)
				}
				require.Equal(t, c.want, strings.Join(ids, " "))
			})
		}
		w.t = t
		_, after, _ := strings.Cut(w.runs("purchases", "list", "--limit", "2").log, "--after ")
		rest := w.succeeds("purchases", "list", "--after", strings.TrimSpace(after))
		require.Contains(t, rest, "one")
		require.NotContains(t, rest, "two")
	})
}

func TestExport(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		w.put("one", ledger.Delivered, false, func(p *ledger.Purchase) { p.Item = "=HYPERLINK(\"http://evil.example\")" })
		w.put("two", ledger.Refused, false)
		rows := must(csv.NewReader(strings.NewReader(w.succeeds("purchases", "export", "--oldest-first"))).ReadAll())
		require.Len(t, rows, 3)
		require.Equal(t, "id", rows[0][0])
		require.Equal(t, "'=HYPERLINK(\"http://evil.example\")", rows[1][5])
		var list []ledger.Purchase
		require.NoError(
			t, json.Unmarshal([]byte(w.succeeds("purchases", "export", "--format", "json", "--state", "refused")), &list),
		)
		require.Equal(t, []ledger.Purchase{w.get("two")}, list)
		require.Equal(t, exitUsage, w.runs("purchases", "export", "--format", "xml").code)
	})
}

func TestShowNamesThePurchaseThatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	got := w.runs("purchases", "show", "gone\x1b[2J")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.log, "purchase gone")
	require.Contains(t, got.log, "not found")
	require.NotContains(t, got.log, "\x1b")
}

func TestTerminalIsNotControlled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	w.put("one", ledger.Settled, true, func(p *ledger.Purchase) { p.Item, p.Cause = "hat\x1b[2J", "first\nsecond\x07" })
	for _, args := range [][]string{{"list"}, {"show", "one"}} {
		out := w.succeeds(append([]string{"purchases"}, args...)...)
		require.NotContains(t, out, "\x1b")
		require.NotContains(t, out, "\x07")
		require.Contains(t, out, "hat\uFFFD[2J")
	}
}

func TestJSONDoesNotControlTheTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	const item = "hat\u009b2J\u202e\x7f\U000e0001é漢😀"
	p := w.put("one", ledger.Settled, true, func(p *ledger.Purchase) { p.Item = item })
	var list []ledger.Purchase
	out := w.succeeds("purchases", "list", "--json")
	require.Contains(t, out, `"hat\u009b2J\u202e\u007f\udb40\udc01é漢😀"`)
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Equal(t, []ledger.Purchase{p}, list)
}

// operator types yes, after something else has happened.
type operator struct{ before func() }

func (o operator) Read(p []byte) (int, error) {
	o.before()
	return copy(p, "y\n"), io.EOF
}

func TestChangedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	p := w.put("one", ledger.Accepted, true)
	var log strings.Builder
	a := &app{out: &log, log: &log, getenv: func(name string) string { return w.env[name] }, now: w.clock, canAsk: true}
	a.in = operator{before: func() {
		w.now = w.now.Add(time.Second)
		_, err := w.ledger.Retry(t.Context(), p.ID, ledger.Act{By: "another"})
		require.NoError(t, err)
	}}
	require.Equal(t, exitFailed, a.run(t.Context(), []string{"purchases", "cancel", p.ID}))
	require.Contains(t, log.String(), "has changed meanwhile")
	require.Equal(t, ledger.Accepted, w.get(p.ID).State)
}
