package gloebittest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Queue configures how hold URLs are called. With the zero value, each URL is
// called once, in order. If the response is unusable, the call is repeated
// after one second, then two, then four.
type Queue struct {
	// Manual stops a [Server] from running the queue. Callbacks are then made
	// by [Gloebit.Settle] only.
	Manual bool
	// EnactFirst calls the enact URL before the transact request is answered.
	EnactFirst bool
	// Repeat is how often each callback is made. The first usable response
	// counts. The default is once.
	Repeat int
	// LateEnact calls the enact URL once more after consume or cancel.
	LateEnact bool
	// Shuffle makes the due callbacks, repeated ones included, in random order.
	Shuffle bool
	// Rand is the source of Shuffle's order. Seed it to repeat an order; don't
	// use it elsewhere. The default has a fixed seed.
	Rand *rand.Rand
	// IgnoreAnswers makes any response to a consume or cancel call end the
	// step, whatever its status, as Gloebit's documents describe. The call is
	// repeated only if there was no response. By default it is repeated until
	// the status is 200, which is more lenient than documented.
	IgnoreAnswers bool
	// Workers is how many callbacks are made at the same time. The default is
	// one.
	Workers int
	// RetryAfter is the delay after the first failed callback. It doubles each
	// time, up to a minute. The default is one second.
	RetryAfter time.Duration
	// GiveUpAfter is how long a transaction waits for a usable response from a
	// hold URL. After that it is cancelled if it waits for enact, and otherwise
	// left as it is. The default is an hour.
	GiveUpAfter time.Duration
}

// pollInterval is how often Run reads the clock while a callback waits for its
// time. A test's clock may jump.
const pollInterval = 50 * time.Millisecond

// delivery is a callback to make.
type delivery struct {
	record *record
	step   string // "enact", "consume" or "cancel"
	url    string
	due    time.Time
	echo   bool // a repetition; its response changes nothing
}

// stale reports whether the callback is no longer needed: its transaction has
// moved on, or Load has replaced it. The caller holds g.mu.
func (g *Gloebit) stale(d *delivery) bool {
	t := d.record
	return !d.echo && t.Next != d.step || g.transactionIndex[transactionKey{t.Application, t.ID}] != t
}

// Settle makes every due callback, and those that become due meanwhile, and
// returns when none is left. A failed callback is due again later: move the
// clock and call Settle again.
//
// Settle also waits for callbacks that another Settle or Run is making. It must
// not be called from a callback's handler. If ctx ends first, Settle returns
// its error, and interrupted callbacks are made later.
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

// Run makes callbacks until ctx ends, and returns the context's error. A
// [Server] runs it unless Queue.Manual is set.
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

// drain makes due callbacks one by one until none is due or in progress.
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

// claim takes a due callback out of the queue. If none is due, it returns a
// channel that is closed at the next change, or nil if no callback is in
// progress.
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

// waiting returns when to look at the queue again: when changed is closed, or
// after wait.
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

// signal wakes the goroutines that wait for the queue to change. The caller
// holds g.mu.
func (g *Gloebit) signal() {
	close(g.changed)
	g.changed = make(chan struct{})
}
