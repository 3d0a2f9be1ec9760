package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
)

// Run does the work of [Ledger.Reconcile] until ctx ends. Config.Workers
// goroutines deliver and release, as many others send, so that paid purchases
// do not wait for Gloebit, and as many others report to Config.OnChange. A
// goroutine that finds no work looks again after Config.PollInterval. Run also
// saves the callbacks that are kept in memory. When ctx ends, it finishes its
// work in progress, within 5/4 of Config.StepTimeout, and returns the context's
// error, which it logs. If a Fulfiller does not return, Run abandons the call
// and logs its purchase, whether a worker or a callback made the call. Every
// replica may call Run. A store that is down is logged once every
// Config.PollInterval, not by each goroutine.
func (l *Ledger) Run(ctx context.Context) error {
	l.running.Add(1)
	defer l.running.Add(-1)
	var failed rarely
	jobs := l.workers(append(l.steps(), l.reports()...), func(q queue) {
		l.every(ctx, q.wake, func() {
			if err := l.round(ctx, l.now(), q); err != nil && failed.due(l.config.PollInterval) {
				l.log.ErrorContext(ctx, "gloebit ledger: a pass has failed", "cause", words(err))
			}
		})
	})
	l.runJobs(ctx, append(jobs, func() { l.keepSaving(ctx) }))
	l.logLost(ctx)
	level := slog.LevelWarn
	if errors.Is(ctx.Err(), context.Canceled) { // for example at a graceful shutdown
		level = slog.LevelInfo
	}
	l.log.Log(ctx, level, "gloebit ledger: Run has ended: this process picks nothing up any more",
		"cause", words(context.Cause(ctx)))
	return ctx.Err()
}

// Reconcile makes one pass: it saves the callbacks that are kept in memory,
// picks up every purchase of its realm whose next step is due, and tries that
// step. An order that Gloebit has not answered is sent again under its ID, and
// canceled after Config.SendWithin or when the user has disconnected or
// reconnected; a purchase whose callback is late is sent again to ask for its
// state; a paid one is delivered; a canceled one is released. Changes are
// reported to Config.OnChange. A purchase whose step keeps failing is marked
// stuck, and logged. While Gloebit is down, sending pauses.
//
// When ctx ends, Reconcile starts no more work and finishes the work in
// progress, within 5/4 of Config.StepTimeout. A Fulfiller that does not return
// blocks Reconcile until that time is over, so call Reconcile with a context
// that ends. The error is the store's first failure, which is gloebit.ErrStore,
// or the context's. Reconcile returns no error for a failed step.
func (l *Ledger) Reconcile(ctx context.Context) error {
	var mu sync.Mutex
	var first error
	failed := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = err
		}
	}
	l.runJobs(ctx, []func(){func() { failed(l.saveKept(ctx)) }})
	for _, queues := range [][]queue{l.steps(), l.reports()} { // so that the pass reports its own changes
		now := l.now() // after the changes were saved, which are due now
		l.runJobs(ctx, l.workers(queues, func(q queue) { failed(l.round(ctx, now, q)) }))
	}
	mu.Lock()
	defer mu.Unlock()
	return errors.Join(first, ctx.Err())
}

// toFinish and toSend return the states of purchases that need work. Each list
// has its own workers.
func toFinish() []State { return []State{Settled, Canceled} }
func toSend() []State   { return []State{Created, Accepted, Reserved} }

// toReport, in a queue's states, selects purchases with changes to report.
const toReport State = ""

// queue is a kind of work that has its own workers.
type queue struct {
	states []State
	slots  chan struct{} // one for each worker
	wake   chan struct{} // receives when there is work; nil if the queue is only polled
}

// steps returns the queues of purchases whose next step may be due.
func (l *Ledger) steps() []queue {
	return []queue{{states: toFinish(), slots: l.finishing}, {states: toSend(), slots: l.sending}}
}

// reports returns the queue of purchases with changes to report. It is empty
// without Config.OnChange.
func (l *Ledger) reports() []queue {
	if l.config.OnChange == nil {
		return nil
	}
	return []queue{{[]State{toReport}, l.reporting, l.changed}}
}

// workers returns the jobs of the workers of the queues.
func (l *Ledger) workers(queues []queue, work func(queue)) (jobs []func()) {
	for _, q := range queues {
		for range l.config.Workers {
			jobs = append(jobs, func() { work(q) })
		}
	}
	return jobs
}

// runJobs runs the jobs concurrently and waits for them. It abandons jobs that
// run too long after ctx has ended, and logs their purchases and those with
// Fulfiller calls that run too long.
func (l *Ledger) runJobs(ctx context.Context, jobs []func()) {
	var group sync.WaitGroup
	for _, job := range jobs {
		group.Go(job)
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		if ctx.Err() == nil {
			return
		}
	case <-ctx.Done():
	}
	var left []string
	select {
	case <-done:
	case <-time.After(l.config.StepTimeout + l.config.StepTimeout/4): // one step, and saving its result
		left = l.held.all()
	}
	left = append(left, l.overdue.all()...)
	slices.Sort(left)
	for _, id := range slices.Compact(left) {
		l.log.LogAttrs(
			ctx, slog.LevelError, "gloebit ledger: left a purchase whose step does not end", slog.String("purchase", id),
		)
	}
}

// maxUnreadable limits a round on a store that can read nothing.
const maxUnreadable = 10_000

// round processes the purchases of a queue that were due at that time, one
// after another, until there is none left, the store is down or ctx ends. A
// worker that hangs keeps its slot, so there are never more than Config.Workers
// of a kind, however often Run and Reconcile are called.
func (l *Ledger) round(ctx context.Context, due time.Time, q queue) error {
	sends := slices.Contains(q.states, Created)
	select {
	case q.slots <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-q.slots }()
	var failures streak
	unreadable := 0
	for found := true; found && unreadable < maxUnreadable; {
		found = false
		for _, state := range q.states {
			if failures.over() || ctx.Err() != nil || sends && l.pause.on(l.now()) {
				return failures.first
			}
			p, err := l.claim(ctx, state, due)
			switch {
			case err == nil && state == toReport:
				found = true
				failures.add(l.report(ctx, p))
			case err == nil:
				found = true
				failures.add(l.pickUp(context.WithoutCancel(ctx), p))
			case errors.Is(err, ErrUnreadable): // others may be readable
				found = true
				unreadable++
				l.log.ErrorContext(ctx, "gloebit ledger: left a purchase that can't be read", "cause", words(err))
			case !errors.Is(err, gloebit.ErrNotFound):
				found = true
				failures.add(storeError("claim a purchase", err))
			}
		}
	}
	return failures.first
}

// claim reserves the purchase in that state that is overdue longest.
func (l *Ledger) claim(ctx context.Context, state State, due time.Time) (Purchase, error) {
	until := l.now().Add(l.claimFor())
	if state == toReport {
		return l.store.ClaimUnreported(ctx, l.realm, due, until)
	}
	return l.store.Claim(ctx, l.realm, state, due, until)
}

// pickUp tries the next step of a purchase. The error is the store's.
func (l *Ledger) pickUp(ctx context.Context, p Purchase) error {
	l.held.add(p.ID, 1)
	defer l.held.add(p.ID, -1)
	if p.State == Settled || p.State == Canceled {
		_, err := l.finish(ctx, p)
		return err
	}
	if l.tooLate(p) {
		_, err := l.withdraw(ctx, p.ID, event{cause: l.whyTooLate()})
		return err
	}
	loading, stop := l.within(ctx)
	client, err := l.config.Merchant.Client(loading, p.UserID)
	stop()
	if err == nil {
		err = sameConnection(client, p)
	}
	switch {
	case err == nil:
		_, _ = l.send(ctx, client, p, false) // the outcome is stored in the purchase
		return nil
	case p.State == Created && (errors.Is(err, gloebit.ErrNotConnected) || errors.Is(err, errOtherConnection)):
		_, err = l.withdraw(ctx, p.ID, event{cause: words(err)})
		return err
	}
	_, err = l.recordFailure(ctx, p, err)
	return err
}

var errOtherConnection = errors.New("ledger: the user has connected again since the order")

// sameConnection returns an error if another account would pay than the one
// with which the purchase was ordered. For an order that Gloebit has not
// answered, it also returns an error if the user has connected again since.
func sameConnection(client *gloebit.Client, p Purchase) error {
	if now := account(client); now != "" && p.GloebitID != "" && now != p.GloebitID {
		return fmt.Errorf("%w, with another Gloebit account", errOtherConnection)
	}
	if p.State == Created && !connectedAt(client).Equal(p.ConnectedAt) {
		return errOtherConnection
	}
	return nil
}
