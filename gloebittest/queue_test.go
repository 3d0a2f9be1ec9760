package gloebittest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestRepeatedAndLateCallbacksChangeNothing(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{Repeat: 3, LateEnact: true})), newHooks(t)
	count := 0
	h.onFunc("enact", func() (int, string) {
		count++
		if count == 1 {
			return 200, "[true]"
		}
		return 200, `[false,"changed my mind"]`
	})
	w.purchase(h, map[string]any{"product": "green-hat"})
	w.settle()
	calls := make(map[string]int)
	for _, call := range h.called() {
		calls[call]++
	}
	require.Equal(t, map[string]int{"enact?t=1": 4, "consume?t=1": 3}, calls)
	require.Equal(t, gloebittest.StateSettled, w.transaction().State)
	require.Equal(t, "960.5", w.server.Balance("alice"))
	require.Equal(t, map[string]int64{"green-hat": 1}, w.server.Products(w.app.Key, "alice"))
}

func TestShuffledConsumeComesAfterEnact(t *testing.T) {
	order := func(seed uint64) []string {
		w, h := newWorld(t, manual(gloebittest.Queue{
			Shuffle: true, Repeat: 2, LateEnact: true, Rand: rand.New(rand.NewPCG(seed, 0)),
		})), newHooks(t)
		token := w.token("transact")
		for i := range 8 {
			body := h.urls()
			body["id"] = strconv.Itoa(i)
			for _, step := range []string{"enact", "consume", "cancel"} {
				body["asset-"+step+"-hold-url"] = fmt.Sprintf("%s/%s/?t=%d", h.server.URL, step, i)
			}
			require.Equal(t, true, w.post("transact", token, w.order(body)).json["success"])
		}
		w.settle()
		enacted := make(map[string]bool)
		for _, call := range h.called() {
			step, id, _ := strings.Cut(call, "/?")
			enacted[id] = enacted[id] || step == "enact"
			require.NotEqual(t, "cancel", step)
			require.True(t, enacted[id], "consume comes only after enact")
		}
		require.Len(t, h.called(), 8*5)
		require.Equal(t, "680.5", w.server.Balance("alice"))
		return h.called()
	}
	first := order(1)
	require.Equal(t, first, order(1), "the same seed gives the same order")
	require.NotEqual(t, first, order(2))
}

func TestTheServerWorksItsQueue(t *testing.T) {
	w, h := newWorld(t, gloebittest.Config{Queue: gloebittest.Queue{Workers: 4}}), newHooks(t)
	h.on("enact", 503, "")
	w.purchase(h, nil)
	eventually := func(condition func(gloebittest.Transaction) bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			tx, _ := w.server.Transaction(w.app.Key, transactionID)
			return condition(tx)
		}, 5*time.Second, time.Millisecond)
	}
	eventually(func(tx gloebittest.Transaction) bool { return len(tx.Steps) == 2 }) // the first answer was taken
	h.on("enact", 200, "[true]")
	w.clock.Advance(time.Second)
	eventually(func(tx gloebittest.Transaction) bool { return tx.State == gloebittest.StateSettled })
	require.Equal(t, []string{"enact?t=1", "enact?t=1", "consume?t=1"}, h.called())
}

func TestWorkersCallAtOnce(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{Workers: 3})), newHooks(t)
	var together sync.WaitGroup
	together.Add(3)
	h.onFunc("enact", func() (int, string) {
		together.Done()
		together.Wait() // responds only when three are in flight
		return 200, "[true]"
	})
	token := w.token("transact")
	for i := range 3 {
		body := h.urls()
		body["id"] = strconv.Itoa(i)
		require.Equal(t, true, w.post("transact", token, w.order(body)).json["success"])
	}
	w.settle()
	for _, tx := range w.server.Transactions() {
		require.Equal(t, gloebittest.StateSettled, tx.State)
	}
}

func TestSettleEndsWithItsContext(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	h.onFunc("enact", func() (int, string) {
		cancel()
		<-release
		return http.StatusOK, "[true]"
	})
	w.purchase(h, nil)
	require.ErrorIs(t, w.server.Settle(ctx), context.Canceled)
	close(release)
	require.Equal(t, []string{"hold: true"}, steps(w.transaction()), "a canceled callback counts as not made")
	h.on("enact", 200, "[true]")
	w.settle()
	require.Equal(t, gloebittest.StateSettled, w.transaction().State)
	require.ErrorIs(t, w.server.Run(ctx), context.Canceled)
}

func TestSettleWaitsForRunningCallbacks(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
	started, release := make(chan struct{}), make(chan struct{})
	h.onFunc("enact", func() (int, string) {
		close(started)
		<-release
		return 200, "[true]"
	})
	w.purchase(h, nil)
	first := make(chan error, 1)
	go func() { first <- w.server.Settle(context.Background()) }()
	<-started
	second := make(chan error, 1)
	go func() { second <- w.server.Settle(context.Background()) }()
	close(release)
	require.NoError(t, <-second)
	require.Equal(t, gloebittest.StateSettled, w.transaction().State)
	require.NoError(t, <-first)
}

func TestBalancesAreConservedUnderFaults(t *testing.T) {
	w, h := newWorld(t, gloebittest.Config{Queue: gloebittest.Queue{
		Workers: 4, Shuffle: true, Repeat: 2, LateEnact: true, EnactFirst: true,
	}}), newHooks(t)
	var answered atomic.Int64
	h.onFunc("enact", func() (int, string) {
		answers := []string{`[true]`, `[false,"no"]`, `[false,"pending"]`, `rubbish`}
		return 200, answers[answered.Add(1)%int64(len(answers))]
	})
	w.server.Inject(gloebittest.Fault{Path: "transact", Times: 10, Drop: true, After: true})
	token := w.token("transact")
	var done sync.WaitGroup
	for worker := range 4 {
		done.Go(func() {
			for i := range 25 {
				body := h.urls()
				body["id"] = fmt.Sprintf("%d-%d", worker, i)
				body["gloebit-balance-change"] = 1 + i
				for _, step := range []string{"enact", "consume", "cancel"} {
					body["asset-"+step+"-hold-url"] = fmt.Sprintf("%s/%s/?t=%s", h.server.URL, step, body["id"])
				}
				response, err := w.client.Do(w.request(http.MethodPost, "transact", token, w.order(body)))
				if err == nil {
					_ = response.Body.Close()
				}
				_ = w.server.CancelTransaction(w.app.Key, fmt.Sprintf("%d-%d", worker, i-1))
			}
		})
	}
	done.Wait()
	for range 20 {
		w.clock.Advance(time.Minute)
		w.settle()
	}
	var settled int64
	for _, tx := range w.server.Transactions() {
		require.Contains(
			t, []gloebittest.State{gloebittest.StateSettled, gloebittest.StateCanceled, gloebittest.StateFailed}, tx.State,
		)
		if tx.State == gloebittest.StateSettled {
			settled += tx.Amount
		}
	}
	require.Positive(t, settled)
	require.Equal(t, fmt.Sprintf("%d.5", 1000-settled), w.server.Balance("alice"))
	require.Equal(t, strconv.FormatInt(10+settled, 10), w.server.Balance("bob"))
	last := make(map[string]string)
	for _, call := range h.called() {
		step, id, _ := strings.Cut(call, "/?")
		if step != "enact" {
			require.Contains(t, []string{"", step}, last[id], "consume and cancel never both")
			last[id] = step
		}
	}
}
