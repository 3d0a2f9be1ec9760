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

// poll asks the store for a purchase again and again.
type poll struct {
	waiting int // requests
	stop    context.CancelFunc
	done    chan struct{} // closed when p is set
	p       Purchase
}

// awaitAnswer returns the purchase once the request that sends it has its
// answer, or as it is when ctx ends, the store fails or Config.StepTimeout is
// over.
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

// leavePoll ends a poll when it has its answer or no request waits for it.
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

// remove lets the next request that waits start another poll.
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
			return p // it is under way, which is an answer
		}
		p = now
	}
	return p
}
