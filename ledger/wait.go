package ledger

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	firstWait   = 20 * time.Millisecond
	longestWait = time.Second
)

// Wait waits until a purchase is finished or stuck, and returns it, for a page
// that shows what became of an order. It returns at once if this process
// finishes the purchase, and within about a second if another does. It does not
// wait for Config.OnChange. When ctx ends, it returns the purchase in its
// latest known state and the context's error. Give ctx a deadline, because a
// purchase takes as long as Gloebit does. Compare the purchase's UserID with
// the user's before you show it. The other errors are those of [Ledger.Get].
func (l *Ledger) Wait(ctx context.Context, id string) (Purchase, error) {
	woken, leave := l.waiting.join(id)
	defer leave()
	var last Purchase
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		p, err := l.Get(ctx, id)
		if err != nil && ctx.Err() == nil || p.Finished() || p.Stuck() {
			return p, err
		}
		if err == nil {
			last = p
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-woken:
		case <-ctx.Done():
			timer.Stop()
			return last, fmt.Errorf("ledger: wait for purchase %s: %w", id, ctx.Err())
		}
		timer.Stop()
	}
}

// waiting holds the calls of Wait in this process. The zero value is ready for
// use.
type waiting struct {
	mu    sync.Mutex
	calls map[string]map[chan struct{}]struct{} // by the purchase's ID
}

// join returns a channel that receives when the purchase may be finished.
func (w *waiting) join(id string) (woken <-chan struct{}, leave func()) {
	call := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls == nil {
		w.calls = map[string]map[chan struct{}]struct{}{}
	}
	if w.calls[id] == nil {
		w.calls[id] = map[chan struct{}]struct{}{}
	}
	w.calls[id][call] = struct{}{}
	return call, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.calls[id], call); len(w.calls[id]) == 0 {
			delete(w.calls, id)
		}
	}
}

// wake wakes the goroutines that wait for the purchase if it is finished or
// stuck.
func (w *waiting) wake(p Purchase) {
	if !p.Finished() && !p.Stuck() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for call := range w.calls[p.ID] {
		select {
		case call <- struct{}{}:
		default: // already woken
		}
	}
}
