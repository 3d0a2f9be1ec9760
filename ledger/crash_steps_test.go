package ledger_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// stories are the courses of a purchase. Each must end correctly wherever it is
// interrupted.
var stories = []struct {
	name    string
	queue   gloebittest.Queue
	prepare func(w *world, c *clerk)
	paid    bool // whether it is paid in the end if it was ever ordered
	reports bool // whether there is an OnChange
}{
	{name: "a good day is reported", paid: true, reports: true},
	{name: "a good day", paid: true},
	{name: "enact comes early", queue: gloebittest.Queue{EnactFirst: true}, paid: true},
	{name: "everything comes often", queue: gloebittest.Queue{Repeat: 3, LateEnact: true}, paid: true},
	{name: "everything comes at once", queue: gloebittest.Queue{Repeat: 3, Shuffle: true, Workers: 3}, paid: true},
	{
		name: "transact's answer is lost", prepare: func(w *world, _ *clerk) { w.gloebit.Inject(noAnswer(true, 1)) },
		paid: true,
	},
	{name: "transact is lost", prepare: func(w *world, _ *clerk) { w.gloebit.Inject(noAnswer(false, 1)) }, paid: true},
	{
		name: "delivery fails twice", prepare: func(_ *world, c *clerk) { c.deliver = []error{errDown, errDown} },
		paid: true,
	},
	{name: "the shop declines", prepare: func(_ *world, c *clerk) { c.reserve = errors.New("sold out") }},
	{
		name: "the shop declines early", queue: gloebittest.Queue{EnactFirst: true, LateEnact: true},
		prepare: func(_ *world, c *clerk) { c.reserve = errors.New("sold out") },
	},
	{name: "alice can't pay", prepare: func(w *world, _ *clerk) { _ = w.gloebit.AddBalance("alice", "-950") }},
}

func TestCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			run := func(plan breakage) []breakage {
				w := newWorld(t, queue(story.queue))
				s := &crashStore{plan: plan, shelf: map[string]int{}, held: map[string]int{}}
				c := &clerk{store: s, delivered: map[string]int{}}
				w.config.Store, w.config.Fulfiller, w.config.Workers = s, c, 1
				if story.reports {
					w.config.OnChange = c.onChange
				}
				w.start()
				if story.prepare != nil {
					story.prepare(w, c)
				}
				liveThrough(w, s, c, fmt.Sprintf("%+v", plan), story.paid)
				return s.places
			}
			places := run(breakage{})
			require.Greater(t, len(places), 10)
			for _, plan := range places {
				run(plan)
			}
		})
	}
}

// liveThrough buys a hat, restarts the shop whenever it has stopped, and works
// until nothing is left to do.
func liveThrough(w *world, s *crashStore, c *clerk, plan string, paid bool) {
	t := w.t
	t.Helper()
	handler := w.ledger.Handler()
	w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if s.gone() {
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(rw, r)
		if s.gone() {
			panic(http.ErrAbortHandler) // the answer has not left a process that stopped
		}
	}))
	client := w.client("alice")
	mayStop(func() { _, _ = w.ledger.Purchase(t.Context(), client, keyed(hat)) })
	for range 8 {
		w.settle()
		mayStop(func() { _ = w.ledger.Reconcile(t.Context()) })
		if s.gone() {
			s.repair()
			w.start()
			handler = w.ledger.Handler()
		}
		w.clock.Advance(90 * time.Second)
	}
	wantGoodEnd(w, s, c, plan, paid)
}

// mayStop runs do in a goroutine that a crash may end.
func mayStop(do func()) {
	var group sync.WaitGroup
	group.Go(do)
	group.Wait()
}

// wantGoodEnd fails if anything was lost, charged twice or delivered twice.
func wantGoodEnd(w *world, s *crashStore, c *clerk, plan string, paid bool) {
	t := w.t
	t.Helper()
	purchases, err := w.ledger.List(t.Context(), ledger.Query{})
	require.NoError(t, err, plan)
	tx := w.gloebit.Transactions()
	if len(purchases) == 0 {
		require.Empty(t, tx, "%s: nothing was written, and something was sent", plan)
		return
	}
	require.Len(t, purchases, 1, plan)
	p := purchases[0]
	require.True(t, p.Finished(), "%s: it is left %s, because %s", plan, p.State, p.Cause)
	require.Len(t, tx, 1, plan)
	wantHistory(t, p)
	if w.config.OnChange != nil {
		wantReported(t, p, c.reported, plan)
	}
	if paid {
		require.Equal(t, ledger.Delivered, p.State, plan)
		require.EqualValues(t, 100, w.charged(), plan)
		require.Equal(t, 1, s.shelf[p.ID], "%s: delivered once", plan)
		require.Equal(t, 1, s.held[p.ID], "%s: reserved once", plan)
		require.GreaterOrEqual(t, c.delivered[p.ID], 1)
	} else {
		require.False(t, p.Paid(), plan)
		require.Zero(t, w.charged(), plan)
		require.Zero(t, s.shelf[p.ID], "%s: nothing was paid, and something delivered", plan)
		require.Zero(t, s.held[p.ID], "%s: nothing stays reserved", plan)
	}
}
