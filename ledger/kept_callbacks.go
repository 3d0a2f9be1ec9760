package ledger

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// callback is which step of which purchase Gloebit called.
type callback struct {
	id   string
	step eventKind
}

func (c callback) event() event { return event{kind: c.step, cause: string(c.step) + " called"} }

// mostKept is how many callbacks are kept in memory, about a megabyte.
const mostKept = 10_000

// keptCallbacks are the consumes and cancels that the store could not take.
// Gloebit ignores how it is answered, so it may never repeat them.
type keptCallbacks struct {
	mu     sync.Mutex
	places map[callback]int // in the queue
	last   int
	saving sync.Mutex // held by the one callback that saves them
}

// keep reports whether there was room. A callback that is kept already needs
// none.
func (k *keptCallbacks) keep(c callback) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.places[c]; known {
		return true
	}
	if len(k.places) >= mostKept {
		return false
	}
	if k.places == nil {
		k.places = map[callback]int{}
	}
	k.last++
	k.places[c] = k.last
	return true
}

// all returns the queue.
func (k *keptCallbacks) all() []callback {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.SortedFunc(maps.Keys(k.places), func(a, b callback) int { return k.places[a] - k.places[b] })
}

// remove is for a callback that has been saved, and only for that.
func (k *keptCallbacks) remove(c callback) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.places, c)
}

// toTheEnd lets the others go first, so that a purchase which can't be changed
// for long, such as one whose Reserve hangs, does not keep them waiting.
func (k *keptCallbacks) toTheEnd(c callback) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.places[c]; known {
		k.last++
		k.places[c] = k.last
	}
}

// receive applies a callback. A consume or a cancel is tried until it is saved
// or Config.WorkTimeout is over. An enact is tried once, since Gloebit asks
// again.
func (l *Ledger) receive(ctx context.Context, c callback) (did applied, err error) {
	working, stop := l.within(ctx)
	defer stop()
	if c.step == eventEnact {
		return l.apply(working, c.id, c.event())
	}
	retry(working, func() error {
		did, err = l.apply(working, c.id, c.event())
		return err
	})
	return did, err
}

// retry does something until the store does not fail at it or ctx ends.
func retry(ctx context.Context, do func() error) {
	next := backoff.NewExponentialBackOff()
	next.InitialInterval, next.Multiplier, next.MaxInterval = 20*time.Millisecond, 2, time.Second
	_, _ = backoff.Retry(ctx, func() (struct{}, error) { // its error is that of do, or the context's
		err := do()
		if _, refused := err.(*fulfillerError); refused || missing(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(next), backoff.WithMaxElapsedTime(0))
}

// notSaved answers a callback that could not be saved: as it was answered
// before, if it was and only the purchase is busy. Otherwise it may be repeated
// or not, so a consume or a cancel is kept, to be saved later.
func (l *Ledger) notSaved(ctx context.Context, c callback, why error) answer {
	reading, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	if p, err := l.store.Get(reading, l.key(c.id)); err == nil {
		if did := decide(p.State, c.step); did.next == p.State {
			return did.answer
		}
	}
	log := l.log.With("purchase", c.id, "step", string(c.step), "cause", words(why))
	switch {
	case c.step == eventEnact:
		log.ErrorContext(ctx, "gloebit ledger: a callback has to come again")
	case l.kept.keep(c):
		log.ErrorContext(ctx, "gloebit ledger: a callback can't be saved, and is kept in memory")
	default:
		log.ErrorContext(ctx, "gloebit ledger: a callback is lost, unless Gloebit repeats it: too many are kept in memory")
	}
	return failed
}

// saveKept saves the callbacks that are kept. It does not deliver or release,
// since a Fulfiller that hangs would keep the rest from being saved: the workers
// do, at once. A callback that fails again is kept. The error is the store's.
func (l *Ledger) saveKept(ctx context.Context) error {
	var failures streak
	for _, c := range l.kept.all() {
		if ctx.Err() != nil || failures.over() {
			break
		}
		failures.add(l.saveOne(ctx, c))
	}
	return failures.err()
}

func (l *Ledger) saveOne(ctx context.Context, c callback) error {
	working, stop := context.WithTimeout(ctx, l.config.WorkTimeout)
	defer stop()
	e := c.event()
	e.due = true
	did, err := l.apply(working, c.id, e)
	if failure, ok := err.(*fulfillerError); ok {
		did, err = l.notReserved(ctx, c, did, failure)
	} else if missing(err) {
		did, err = l.unknownPurchase(ctx, c)
	}
	switch {
	case err != nil:
		l.kept.toTheEnd(c)
		return err
	case !l.breaksPromise(ctx, c, did):
		l.record(ctx, slog.LevelInfo, "saved a callback that was kept in memory", did.p, slog.String("step", string(c.step)))
	}
	l.kept.remove(c)
	return nil
}

// saveKeptMeanwhile is for a process that takes callbacks and has no
// [Ledger.Run]: the next callback that can be saved saves the kept ones, for
// Config.WorkTimeout at most. Others that come meanwhile do not.
func (l *Ledger) saveKeptMeanwhile(ctx context.Context) {
	if !l.kept.saving.TryLock() {
		return
	}
	defer l.kept.saving.Unlock()
	ctx, stop := l.within(ctx)
	defer stop()
	if err := l.saveKept(ctx); err != nil {
		l.log.ErrorContext(ctx, "gloebit ledger: what is kept in memory can't be saved yet", "cause", words(err))
	}
}

// keepSaving saves the kept callbacks every Config.Interval until ctx ends. It
// then retries for Config.WorkTimeout at most.
func (l *Ledger) keepSaving(ctx context.Context) {
	l.every(ctx, func() {
		if err := l.saveKept(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "gloebit ledger: what is kept in memory can't be saved yet", "cause", words(err))
		}
	})
	ctx, stop := l.within(ctx)
	defer stop()
	retry(ctx, func() error { return l.saveKept(ctx) })
}

// logLost logs the callbacks that end with this process.
func (l *Ledger) logLost(ctx context.Context) {
	for _, c := range l.kept.all() {
		l.log.ErrorContext(ctx, "gloebit ledger: a callback is lost with this process, unless Gloebit repeats it",
			"purchase", c.id, "step", string(c.step))
	}
}

// streak counts failures in a row. After a few the store is taken to be down,
// so that it is not asked without a pause.
type streak struct {
	inRow int
	all   []error
}

const longestStreak = 3

func (s *streak) add(err error) {
	if err == nil || missing(err) {
		s.inRow = 0
		return
	}
	s.inRow++
	if len(s.all) < longestStreak {
		s.all = append(s.all, err)
	}
}

func (s *streak) over() bool { return s.inRow >= longestStreak }

func (s *streak) err() error { return errors.Join(s.all...) }
