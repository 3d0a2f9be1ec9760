package ledger

import (
	"context"
	"sync"
	"time"
)

// polls lets all requests of this process that wait for one purchase share one
// poll of the store. The zero value is ready for use.
type polls struct {
	mu   sync.Mutex
	open map[string]*poll // by the purchase's ID
}

// poll reads a purchase from the store repeatedly.
type poll struct {
	waiting int // requests
	stop    context.CancelFunc
	done    chan struct{} // closed when p is set
	p       Purchase
}

// awaitAnswer waits for the response to the request that sends the purchase,
// and returns the purchase. If ctx ends, the store fails or Config.StepTimeout
// passes, it returns the purchase as it is.
func (l *Ledger) awaitAnswer(ctx context.Context, p Purchase) Purchase {
	if !l.firstIsSending(p) {
		return p
	}
	shared := l.joinPoll(ctx, p)
	defer l.leavePoll(p.ID, shared)
	select {
	case <-shared.done:
		return shared.p
	case <-ctx.Done():
		return p
	}
}

// firstIsSending reports whether the goroutine that wrote the purchase may
// still be waiting for Gloebit's answer.
func (l *Ledger) firstIsSending(p Purchase) bool {
	return p.State == Created && p.Attempts == 0 && l.now().Before(p.UpdatedAt.Add(l.config.StepTimeout))
}

func (l *Ledger) joinPoll(ctx context.Context, p Purchase) *poll {
	l.polls.mu.Lock()
	defer l.polls.mu.Unlock()
	if shared := l.polls.open[p.ID]; shared != nil {
		shared.waiting++
		return shared
	}
	polling, stop := l.within(ctx)
	shared := &poll{waiting: 1, stop: stop, done: make(chan struct{})}
	if l.polls.open == nil {
		l.polls.open = map[string]*poll{}
	}
	l.polls.open[p.ID] = shared
	go func() {
		shared.p = l.pollAnswer(polling, p)
		l.polls.remove(p.ID, shared)
		close(shared.done)
	}()
	return shared
}

// leavePoll ends a poll when no request waits for it.
func (l *Ledger) leavePoll(id string, shared *poll) {
	l.polls.mu.Lock()
	defer l.polls.mu.Unlock()
	if shared.waiting--; shared.waiting > 0 {
		return
	}
	shared.stop()
	if l.polls.open[id] == shared {
		delete(l.polls.open, id)
	}
}

// remove removes a poll, so that the next waiting request starts another.
func (p *polls) remove(id string, shared *poll) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[id] == shared {
		delete(p.open, id)
	}
}

func (l *Ledger) pollAnswer(ctx context.Context, p Purchase) Purchase {
	for wait := 10 * time.Millisecond; l.firstIsSending(p); wait = min(2*wait, time.Second/2) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return p
		}
		now, err := l.store.Get(ctx, p.StoreKey())
		if err != nil {
			return p // the last state that was read will do
		}
		p = now
	}
	return p
}
