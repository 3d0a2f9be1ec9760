package ledger

import (
	"context"
	"errors"
	"log/slog"
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
	mu    sync.Mutex
	order []notice
	known map[notice]struct{}
}

// keep reports whether there was room. What is there already takes none.
func (u *unsaved) keep(n notice) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.known[n]; known {
		return true
	}
	if len(u.order) >= mostUnsaved {
		return false
	}
	if u.known == nil {
		u.known = map[notice]struct{}{}
	}
	u.known[n] = struct{}{}
	u.order = append(u.order, n)
	return true
}

// take takes all out.
func (u *unsaved) take() []notice {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := u.order
	u.order, u.known = nil, nil
	return all
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
// or not, so a consume or a cancel is kept for the next pass.
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

// saveUnsaved saves what callbacks told and the store could not take then.
// What fails again is kept. The error is the store's.
func (l *Ledger) saveUnsaved(ctx context.Context) error {
	var trouble streak
	for _, n := range l.unsaved.take() {
		if ctx.Err() != nil || trouble.over() {
			l.unsaved.keep(n)
			continue
		}
		working, stop := l.within(ctx)
		p, _, err := l.apply(working, n.id, n.happening())
		stop()
		switch {
		case missing(err):
			l.stranger(ctx, n)
		case err != nil:
			l.unsaved.keep(n)
		default:
			l.record(ctx, slog.LevelInfo, "saved what was kept in memory", p, slog.String("step", string(n.step)))
			err = l.finish(ctx, p)
		}
		trouble.met(err)
	}
	return trouble.err()
}

// saveLast insists on what is left before a process ends, for
// Config.WorkTimeout at most. It delivers nothing: that is picked up elsewhere.
func (l *Ledger) saveLast(ctx context.Context) {
	ctx, stop := l.within(ctx)
	defer stop()
	insist(ctx, func() (failure error) {
		for _, n := range l.unsaved.take() {
			if _, _, err := l.apply(ctx, n.id, n.happening()); err != nil && !missing(err) {
				l.unsaved.keep(n)
				failure = err
			}
		}
		return failure
	})
	for _, n := range l.unsaved.take() {
		l.unsaved.keep(n) // for whoever goes on in this process
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
