package gloebittest_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// manual is a queue that only Settle works.
func manual(q gloebittest.Queue) gloebittest.Config {
	q.Manual = true
	return gloebittest.Config{Queue: q}
}

func (w *world) settle() {
	w.t.Helper()
	require.NoError(w.t, w.server.Settle(w.t.Context()))
}

// purchase sends the order of h's URLs and returns the answer.
func (w *world) purchase(h *hooks, changes map[string]any) answer {
	w.t.Helper()
	fields := h.urls()
	for name, value := range changes {
		fields[name] = value
	}
	got := w.post("transact", w.token("transact", "balance"), w.order(fields))
	require.Equal(w.t, true, got.json["success"], got.text)
	return got
}

func (w *world) transaction() gloebittest.Transaction {
	w.t.Helper()
	tx, ok := w.server.Transaction(w.app.Key, transactionID)
	require.True(w.t, ok)
	return tx
}

func steps(tx gloebittest.Transaction) []string {
	var list []string
	for _, s := range tx.Steps {
		list = append(list, strings.TrimSuffix(s.Name+": "+s.Outcome, ": "))
	}
	return list
}

func TestHoldCallbacksByAnswer(t *testing.T) {
	tests := map[string]struct {
		status  int
		enact   string
		state   gloebittest.State
		calls   []string
		balance string
	}{
		"yes": {
			200, `[true]`, gloebittest.StateSettled, []string{"enact?t=1", "consume?t=1"}, "960.5",
		},
		"yes with something behind it": {
			200, ` [true, "x"] `, gloebittest.StateSettled, []string{"enact?t=1", "consume?t=1"}, "960.5",
		},
		"no with a reason": {
			200, `[false, "sold out"]`, gloebittest.StateCanceled, []string{"enact?t=1", "cancel?t=1"}, "1000.5",
		},
		"a bare no":        {200, `[false]`, gloebittest.StateCanceled, []string{"enact?t=1", "cancel?t=1"}, "1000.5"},
		"pending":          {200, `[false, "pending"]`, gloebittest.StateQueued, []string{"enact?t=1"}, "960.5"},
		"an HTTP failure":  {500, `[true]`, gloebittest.StateQueued, []string{"enact?t=1"}, "960.5"},
		"a redirect":       {302, `[true]`, gloebittest.StateQueued, []string{"enact?t=1"}, "960.5"},
		"an empty list":    {200, `[]`, gloebittest.StateQueued, []string{"enact?t=1"}, "960.5"},
		"an object":        {200, `{"success":true}`, gloebittest.StateQueued, []string{"enact?t=1"}, "960.5"},
		"a text in a list": {200, `["true"]`, gloebittest.StateQueued, []string{"enact?t=1"}, "960.5"},
		"a page":           {200, `<html>true</html>`, gloebittest.StateQueued, []string{"enact?t=1"}, "960.5"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
			h.on("enact", test.status, test.enact)
			got := w.purchase(h, nil)
			require.Equal(t, "queued", got.json["status"])
			require.Equal(t, "960.5", w.server.Balance("alice"), "the hold is taken at once")
			require.Equal(t, "10", w.server.Balance("bob"))
			require.Empty(t, h.called(), "a manual queue waits for Settle")
			w.settle()
			require.Equal(t, test.state, w.transaction().State, steps(w.transaction()))
			require.Equal(t, test.calls, h.called())
			require.Equal(t, test.balance, w.server.Balance("alice"))
			w.settle()
			require.Equal(t, test.calls, h.called(), "a failed step waits for its retry")
		})
	}
}

func TestAProductArrivesWhenItIsCommitted(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
	var during map[string]int64
	h.onFunc("consume", func() (int, string) {
		during = w.server.Products(w.app.Key, "alice")
		return 200, "[true]"
	})
	w.purchase(h, map[string]any{"product": "green-hat"})
	require.Empty(t, w.server.Products(w.app.Key, "alice"))
	w.settle()
	require.Equal(t, map[string]int64{"green-hat": 1}, during)
	require.Equal(t, "50", w.server.Balance("bob"))
	require.Equal(t, []string{"hold: true", "enact: true", "commit", "consume: true"}, steps(w.transaction()))
}

func TestPendingIsRetriedWithBackoff(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{RetryAfter: 10 * time.Second})), newHooks(t)
	h.on("enact", 200, `[false,"pending"]`)
	w.purchase(h, nil)
	calls := 0
	for _, wait := range []time.Duration{
		0, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute,
	} {
		if wait > 0 {
			w.clock.Advance(wait - time.Nanosecond)
			w.settle()
			require.Len(t, h.called(), calls, "not before %s", wait)
			w.clock.Advance(time.Nanosecond)
		}
		w.settle()
		calls++
		require.Len(t, h.called(), calls, "after %s", wait)
	}
	h.on("enact", 200, `[true]`)
	w.clock.Advance(time.Minute)
	w.settle()
	require.Equal(t, gloebittest.StateSettled, w.transaction().State)
}

func TestRepeatedFailuresAreAbandoned(t *testing.T) {
	for step, want := range map[string]struct {
		state   gloebittest.State
		balance string
	}{
		"enact":   {gloebittest.StateCanceled, "1000.5"},
		"consume": {gloebittest.StateSettled, "960.5"},
		"cancel":  {gloebittest.StateCanceled, "1000.5"},
	} {
		t.Run(step, func(t *testing.T) {
			w, h := newWorld(t, manual(gloebittest.Queue{GiveUpAfter: 10 * time.Minute})), newHooks(t)
			if step == "cancel" {
				h.on("enact", 200, `[false,"no"]`)
			}
			h.on(step, 503, "")
			w.purchase(h, nil)
			for range 20 {
				w.settle()
				w.clock.Advance(time.Minute)
			}
			require.Equal(t, want.state, w.transaction().State)
			require.Equal(t, want.balance, w.server.Balance("alice"))
			require.Contains(t, strings.Join(steps(w.transaction()), "\n"), step+": given up after")
			calls := len(h.called())
			w.clock.Advance(time.Hour)
			w.settle()
			require.Len(t, h.called(), calls, "nothing is left to be done")
		})
	}
}

func TestConsumeIsRepeatedUntilAcknowledged(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
	h.on("consume", 500, "")
	w.purchase(h, nil)
	w.settle()
	require.Equal(t, gloebittest.StateInProgress, w.transaction().State)
	again := w.post("transact", w.token("transact"), w.order(nil))
	require.Equal(t, "in-progress", again.json["status"])
	h.on("consume", 200, "whatever")
	w.clock.Advance(time.Second)
	w.settle()
	require.Equal(t, gloebittest.StateSettled, w.transaction().State)
	require.Equal(t, []string{"enact?t=1", "consume?t=1", "consume?t=1"}, h.called())
}

func TestHoldURLRedirectIsNotFollowed(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
	w.purchase(h, map[string]any{"asset-enact-hold-url": h.server.URL + "/moved"})
	w.settle()
	require.Equal(t, []string{"moved"}, h.called())
	require.Equal(t, []string{"hold: true", "enact: http 302"}, steps(w.transaction()))
}

func TestUnreachableApplicationIsRetried(t *testing.T) {
	config, log := manual(gloebittest.Queue{}), &testkit.Log{}
	config.Logger = log.Logger()
	w, h := newWorld(t, config), newHooks(t)
	w.purchase(h, map[string]any{"asset-enact-hold-url": "http://127.0.0.1:1/enact?signature"})
	w.settle()
	require.Equal(t, gloebittest.StateQueued, w.transaction().State)
	require.Equal(t, []string{"hold: true", "enact: no answer"}, steps(w.transaction()))
	require.Contains(t, log.String(), `cause="dial tcp 127.0.0.1:1: connect: connection refused"`)
}

func TestMissingHoldURLCountsAsSuccess(t *testing.T) {
	for name, test := range map[string]struct {
		missing []string
		calls   []string
	}{
		"no enact":    {[]string{"enact"}, []string{"consume?t=1"}},
		"no consume":  {[]string{"consume"}, []string{"enact?t=1"}},
		"only cancel": {[]string{"enact", "consume"}, nil},
		"none":        {[]string{"enact", "consume", "cancel"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
			changes := make(map[string]any)
			for _, step := range test.missing {
				changes["asset-"+step+"-hold-url"] = nil
			}
			w.purchase(h, changes)
			w.settle()
			require.Equal(t, test.calls, h.called())
			require.Equal(t, gloebittest.StateSettled, w.transaction().State)
		})
	}
	t.Run("no cancel", func(t *testing.T) {
		w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
		h.on("enact", 200, `[false,"no"]`)
		w.purchase(h, map[string]any{"asset-cancel-hold-url": nil})
		w.settle()
		require.Equal(t, []string{"enact?t=1"}, h.called())
		require.Equal(t, gloebittest.StateCanceled, w.transaction().State)
	})
}

func TestCancellingWithoutEnact(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{LateEnact: true})), newHooks(t)
	w.purchase(h, nil)
	require.Error(t, w.server.CancelTransaction(w.app.Key, "unknown"))
	require.NoError(t, w.server.CancelTransaction(w.app.Key, transactionID))
	require.Error(t, w.server.CancelTransaction(w.app.Key, transactionID))
	require.Equal(t, "1000.5", w.server.Balance("alice"))
	w.settle()
	require.Equal(t, []string{"cancel?t=1", "enact?t=1"}, h.called(), "and a late enact that changes nothing")
	require.Equal(t, gloebittest.StateCanceled, w.transaction().State)
	require.Equal(t, "1000.5", w.server.Balance("alice"))
}

func TestCancellingDuringEnact(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
	h.onFunc("enact", func() (int, string) {
		_ = w.server.CancelTransaction(w.app.Key, transactionID)
		return 200, "[true]"
	})
	w.purchase(h, nil)
	w.settle()
	require.Equal(t, []string{"enact?t=1", "cancel?t=1"}, h.called(), "never consume and cancel both")
	require.Equal(t, "1000.5", w.server.Balance("alice"))
	require.Equal(t, "10", w.server.Balance("bob"))
}

func TestEnactBeforeTransactIsAnswered(t *testing.T) {
	cfg := manual(gloebittest.Queue{EnactFirst: true})
	w, h := newWorld(t, cfg), newHooks(t)
	w.purchase(h, nil)
	require.Equal(t, []string{"enact?t=1"}, h.called())
	w.settle()
	require.Equal(t, []string{"enact?t=1", "consume?t=1"}, h.called())
}

func TestAnswersToConsumeAndCancelMayBeIgnored(t *testing.T) {
	for step, enact := range map[string]string{"consume": `[true]`, "cancel": `[false, "sold out"]`} {
		t.Run(step, func(t *testing.T) {
			for ignored, calls := range map[bool]int{false: 3, true: 2} {
				w, h := newWorld(t, manual(gloebittest.Queue{RetryAfter: time.Second, IgnoreAnswers: ignored})), newHooks(t)
				h.on("enact", 200, enact)
				answers := []func() (int, string){
					func() (int, string) { panic(http.ErrAbortHandler) }, // no answer at all, which is asked for again
					func() (int, string) { return 503, `[false, "pending"]` },
					func() (int, string) { return 200, `[true]` },
				}
				var called atomic.Int32
				h.onFunc(step, func() (int, string) { return answers[called.Add(1)-1]() })
				w.purchase(h, nil)
				for range 4 {
					w.settle()
					w.clock.Advance(time.Minute)
				}
				require.EqualValues(t, calls, called.Load(), "ignored: %t", ignored)
				require.Contains(t, []gloebittest.State{gloebittest.StateSettled, gloebittest.StateCanceled}, w.transaction().State)
			}
		})
	}
}

func TestTheAnswerToEnactIsNeverIgnored(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{IgnoreAnswers: true})), newHooks(t)
	h.on("enact", 503, `[true]`)
	w.purchase(h, nil)
	w.settle()
	require.Equal(t, gloebittest.StateQueued, w.transaction().State)
	h.on("enact", 200, `[true]`)
	w.clock.Advance(time.Minute)
	w.settle()
	require.Equal(t, gloebittest.StateSettled, w.transaction().State)
}
