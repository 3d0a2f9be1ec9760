package gloebittest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Queue says how hold callbacks are made. The zero value calls each URL as
// Gloebit does on a good day: once, in order, asking again after a second,
// then two, then four, when there was no usable answer.
type Queue struct {
	// Manual keeps a [Server] from working the queue by itself: callbacks are
	// made by [Gloebit.Settle] alone.
	Manual bool
	// EnactFirst calls the enact URL before the transact request is answered.
	EnactFirst bool
	// Repeat is how often each callback is made. Zero means once. What
	// counts is the first usable answer.
	Repeat int
	// LateEnact calls the enact URL once more after consume or cancel.
	LateEnact bool
	// Shuffle makes due callbacks, repeated ones too, in random order rather
	// than in the order they came up.
	Shuffle bool
	// Rand is what Shuffle draws from; give a seeded one to get the same order
	// again. The Gloebit is its only user. Nil means one with a fixed seed.
	Rand *rand.Rand
	// IgnoreAnswers takes any answer to a consume or cancel call, of whatever
	// status, for the end of it, as Gloebit's documents say that it does today.
	// It calls again only when there was no answer at all. Without it, those
	// calls too are repeated until they are answered with status 200, which is
	// kinder than what is documented.
	IgnoreAnswers bool
	// Workers is how many callbacks may be under way at once. Zero means one.
	Workers int
	// RetryAfter is the wait after the first vain callback; it doubles each
	// time, up to a minute. Zero means one second.
	RetryAfter time.Duration
	// GiveUpAfter is the age at which a transaction without an answer from its
	// enact URL is cancelled, and one without an answer from its consume or
	// cancel URL is left as it is. Zero means an hour.
	GiveUpAfter time.Duration
}

// pollInterval is how often Run looks at the clock while a callback waits for
// its time, since a test's clock may jump.
const pollInterval = 50 * time.Millisecond

// delivery is a callback to be made.
type delivery struct {
	record *record
	step   string // "enact", "consume" or "cancel"
	url    string
	due    time.Time
	echo   bool // it is one more of a callback that was answered: no answer changes anything
}

// stale reports whether nothing waits for the callback: its transaction has
// moved on, or is no longer known after a Load. The caller holds g.mu.
func (g *Gloebit) stale(d *delivery) bool {
	t := d.record
	return !d.echo && t.Next != d.step || g.transactionIndex[transactionKey{t.Application, t.ID}] != t
}

// Settle makes every callback that is due, and those that become due by it,
// and returns when none is left. What failed waits for its time: move the
// clock and settle again. It also waits for callbacks that another Settle or
// Run has under way, so it must not be called from within one. It returns the
// context's error when that ends first; callbacks it cut off stay to be made.
func (g *Gloebit) Settle(ctx context.Context) error {
	workers := max(1, g.cfg.Queue.Workers)
	errs := make([]error, workers)
	var done sync.WaitGroup
	for i := range workers {
		done.Go(func() { errs[i] = g.drain(ctx) })
	}
	done.Wait()
	return cmp.Or(errs...)
}

// Run works the queue until ctx ends, and returns the context's error. A
// [Server] has it running already, unless Queue.Manual says otherwise.
func (g *Gloebit) Run(ctx context.Context) error {
	for {
		if err := g.Settle(ctx); err != nil {
			return err
		}
		changed, wait := g.waiting()
		timer := time.NewTimer(wait)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

// drain makes due callbacks one by one until none is due and none is under way.
func (g *Gloebit) drain(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, changed := g.claim()
		switch {
		case d != nil:
			g.perform(ctx, d)
		case changed == nil:
			return nil
		default:
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

// claim takes a due callback out of the queue. With none due, it returns the
// channel that tells of a change while others are under way, and nil when
// none is.
func (g *Gloebit) claim() (*delivery, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending = slices.DeleteFunc(g.pending, g.stale)
	now := g.now()
	var due []int
	for i, d := range g.pending {
		if d.due.After(now) {
			continue
		}
		due = append(due, i)
		if !g.cfg.Queue.Shuffle {
			break
		}
	}
	switch {
	case len(due) == 0 && g.inFlight == 0:
		return nil, nil
	case len(due) == 0:
		return nil, g.changed
	}
	i := due[0]
	if len(due) > 1 {
		i = due[g.cfg.Queue.Rand.IntN(len(due))]
	}
	d := g.pending[i]
	g.pending = slices.Delete(g.pending, i, i+1)
	g.inFlight++
	return d, nil
}

// waiting tells when the queue should be looked at again: at a change, or
// after a while.
func (g *Gloebit) waiting() (changed <-chan struct{}, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.pending) == 0 {
		return g.changed, time.Hour
	}
	wait = pollInterval
	for _, d := range g.pending {
		wait = min(wait, max(0, d.due.Sub(g.now())))
	}
	return g.changed, wait
}

// schedule queues a callback. The caller holds g.mu.
func (g *Gloebit) schedule(d *delivery) {
	g.pending = append(g.pending, d)
	g.signal()
}

// signal wakes the goroutines that wait for the queue to change. The caller holds g.mu.
func (g *Gloebit) signal() {
	close(g.changed)
	g.changed = make(chan struct{})
}
