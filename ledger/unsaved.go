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

// notice is what a callback tells: of which purchase, and which step.
type notice struct {
	id   string
	step event
}

func (n notice) happening() happening {
	return happening{event: n.step, cause: string(n.step) + " called"}
}

// mostUnsaved bounds what is kept in memory, about a megabyte.
const mostUnsaved = 10_000

// unsaved are the consumes and cancels that the store could not take. Gloebit
// ignores how it is answered, so it may never repeat them, and then this is the
// only place that knows of them.
type unsaved struct {
	mu     sync.Mutex
	places map[notice]int // in the line of those that wait
	last   int
	asking sync.Mutex // held by the one callback that saves them
}

// keep reports whether there was room. What is there already takes none.
func (u *unsaved) keep(n notice) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.places[n]; known {
		return true
	}
	if len(u.places) >= mostUnsaved {
		return false
	}
	if u.places == nil {
		u.places = map[notice]int{}
	}
	u.last++
	u.places[n] = u.last
	return true
}

// all are those that wait, in line.
func (u *unsaved) all() []notice {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.SortedFunc(maps.Keys(u.places), func(a, b notice) int { return u.places[a] - u.places[b] })
}

// forget is for what has been saved, and only for that.
func (u *unsaved) forget(n notice) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.places, n)
}

// toTheEnd lets the others go first, so that a purchase which can't be changed
// for long, such as one whose Reserve hangs, does not keep them waiting.
func (u *unsaved) toTheEnd(n notice) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.places[n]; known {
		u.last++
		u.places[n] = u.last
	}
}

// hear lets happen what a callback tells. A consume or a cancel is tried until
// it is saved or Config.WorkTimeout is over. An enact is tried once, since
// Gloebit asks again.
func (l *Ledger) hear(ctx context.Context, n notice) (p Purchase, did rule, err error) {
	working, stop := l.within(ctx)
	defer stop()
	if n.step == eventEnact {
		return l.apply(working, n.id, n.happening())
	}
	insist(working, func() error {
		p, did, err = l.apply(working, n.id, n.happening())
		return err
	})
	return p, did, err
}

// insist does something until the store does not fail at it or ctx ends.
func insist(ctx context.Context, do func() error) {
	next := backoff.NewExponentialBackOff()
	next.InitialInterval, next.Multiplier, next.MaxInterval = 20*time.Millisecond, 2, time.Second
	_, _ = backoff.Retry(ctx, func() (struct{}, error) { // its error is that of do, or the context's
		err := do()
		if missing(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(next), backoff.WithMaxElapsedTime(0))
}

// notHeard answers a callback that could not be saved: as it was answered
// before, when it was and only the purchase is busy. Otherwise it may come again
// or not, so a consume or a cancel is kept, to be saved later.
func (l *Ledger) notHeard(ctx context.Context, n notice, why error) answer {
	reading, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	if p, err := l.store.Get(reading, n.id); err == nil {
		if did := decide(p.State, n.step); did.next == p.State {
			return did.answer
		}
	}
	log := l.log.With("purchase", n.id, "step", string(n.step), "cause", words(why))
	switch {
	case n.step == eventEnact:
		log.ErrorContext(ctx, "gloebit ledger: a callback has to come again")
	case l.unsaved.keep(n):
		log.ErrorContext(ctx, "gloebit ledger: a callback can't be saved, and is kept in memory")
	default:
		log.ErrorContext(ctx, "gloebit ledger: a callback is lost, unless Gloebit repeats it: too many are kept in memory")
	}
	return failed
}

// saveUnsaved saves what callbacks told and the store could not take then. It
// calls no Fulfiller, since one that hangs would keep the rest from being saved:
// what is saved is due at once for whoever claims it. What fails again is kept.
// The error is the store's.
func (l *Ledger) saveUnsaved(ctx context.Context) error {
	var trouble streak
	for _, n := range l.unsaved.all() {
		if ctx.Err() != nil || trouble.over() {
			break
		}
		trouble.met(l.saveOne(ctx, n))
	}
	return trouble.err()
}

func (l *Ledger) saveOne(ctx context.Context, n notice) error {
	working, stop := context.WithTimeout(ctx, l.config.WorkTimeout)
	defer stop()
	h := n.happening()
	h.handedOver = true
	p, did, err := l.apply(working, n.id, h)
	switch {
	case missing(err):
		l.stranger(ctx, n)
	case err != nil:
		l.unsaved.toTheEnd(n)
		return err
	case l.impossible(ctx, n, p, did.answer):
	default:
		l.record(ctx, slog.LevelInfo, "saved what was kept in memory", p, slog.String("step", string(n.step)))
	}
	l.unsaved.forget(n)
	return nil
}

// saveMeanwhile is for a process that takes callbacks and has no [Ledger.Run]:
// the next callback that can be saved saves what waits, for Config.WorkTimeout
// at most. Others that come meanwhile do not.
func (l *Ledger) saveMeanwhile(ctx context.Context) {
	if !l.unsaved.asking.TryLock() {
		return
	}
	defer l.unsaved.asking.Unlock()
	ctx, stop := l.within(ctx)
	defer stop()
	if err := l.saveUnsaved(ctx); err != nil {
		l.log.ErrorContext(ctx, "gloebit ledger: what is kept in memory can't be saved yet", "cause", words(err))
	}
}

// keepSaving saves what is kept in memory every Config.Interval until ctx ends.
// It then insists on what is left, for Config.WorkTimeout at most.
func (l *Ledger) keepSaving(ctx context.Context) {
	l.every(ctx, func() {
		if err := l.saveUnsaved(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "gloebit ledger: what is kept in memory can't be saved yet", "cause", words(err))
		}
	})
	ctx, stop := l.within(ctx)
	defer stop()
	insist(ctx, func() error { return l.saveUnsaved(ctx) })
}

// lose logs what ends with this process. Whoever goes on in it still has it.
func (l *Ledger) lose(ctx context.Context) {
	for _, n := range l.unsaved.all() {
		l.log.ErrorContext(ctx, "gloebit ledger: a callback is lost with this process, unless Gloebit repeats it",
			"purchase", n.id, "step", string(n.step))
	}
}

// streak counts failures in a row. After a few the store is taken to be down,
// so that it is not asked without a pause.
type streak struct {
	inRow int
	all   []error
}

const longestStreak = 3

func (s *streak) met(err error) {
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
