package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	defaultLease = time.Minute
	longestShort = 10 * time.Second
)

func (s *Store) lease() time.Duration {
	if s.Lease == 0 {
		return defaultLease
	}
	return max(s.Lease, time.Second)
}

// shortLease is that of a hold that lends its transaction to nobody: it can be
// asked at any time whether it is there.
func (s *Store) shortLease() time.Duration { return min(s.lease(), longestShort) }

// A server frees what a client has locked when it has not heard of it for the
// hold's lease. So that no two fns run at once, the context of an fn ends before
// that: when the server was not heard of for patience.
func (h *hold) patience() time.Duration { return h.lease / 4 * 3 }

// askEvery is how often a connection that waits for an fn is asked whether it is
// there: often, so that an fn whose connection is lost ends soon.
func (h *hold) askEvery() time.Duration { return min(time.Second, h.lease/10) }

const askFor = 3 * time.Second // how long its answer may take

// hear notes that the server has answered what it was asked at that time. It
// counts from there, since the answer may have been long on its way.
func (h *hold) hear(asked time.Time) { h.heard.Store(&asked) }

// mercy is how long an fn may go on when its context has ended. With patience it
// is the lease.
func (h *hold) mercy() time.Duration { return h.lease / 4 }

// watch calls fn with a context that ends when the connection is lost, or may
// be: then the server frees what was locked. lost is the reason. When fn goes on
// after the end of its context for longer than mercy, giveUp is called, unless it
// is nil; that is a reason, too.
func (h *hold) watch(ctx context.Context, fn func(context.Context), giveUp func()) (lost error) {
	if h.losable() && time.Since(*h.heard.Load()) > h.askEvery() { // it has waited for the lock
		if err := h.ping(ctx, askFor); err != nil {
			h.broken = true
			return err
		}
	}
	inner, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		lost = h.guard(inner, lose, giveUp, stop)
	}()
	func() {
		defer func() { close(stop); <-stopped }() // also when fn panics
		fn(inner)
	}()
	return lost
}

// losable reports whether the connection is one to a server.
func (h *hold) losable() bool { return h.store.dialect != SQLite }

// verdict is fn's error, unless the connection that locked the thing was lost:
// then it is the reason, with what fn said in words alone. Fn may have said it
// because a statement found the connection dead, or because its context had
// ended, so it must not be taken for fn's answer. The rollback that is due
// anyway tells: what the server still has, it has locked all the time.
func (h *hold) verdict(ctx context.Context, thing string, lost, refused error) error {
	if lost == nil && refused != nil {
		lost = h.rollback()
	}
	switch {
	case lost == nil:
		return refused
	case refused != nil:
		lost = fmt.Errorf("%w (fn's error: %v)", lost, refused)
	}
	return failed(ctx, "the connection that locked the "+thing+" is lost", lost)
}

var (
	errSilent = errors.New("nothing was asked of it, or it has answered nothing, for too long")
	errLate   = errors.New("it was given back, since fn went on for too long after its context had ended")
	errHangs  = errors.New("an earlier fn of this process still goes on, too long after its context had ended")
)

// guard watches over an fn and its connection until there is no need any more.
func (h *hold) guard(inner context.Context, lose context.CancelCauseFunc, giveUp func(), stop <-chan struct{}) (lost error) {
	ticker := time.NewTicker(h.askEvery())
	defer ticker.Stop()
	ended := inner.Done()
	var late <-chan time.Time
	for {
		select {
		case <-stop:
			return lost
		case <-ticker.C:
			if lost != nil || !h.losable() {
				continue
			}
			if lost = h.ask(inner); lost != nil {
				h.broken = true
				lose(lost)
			}
		case <-ended:
			ended = nil
			if giveUp != nil {
				late = time.After(h.mercy())
			}
		case <-late:
			giveUp()
			return errors.Join(lost, errLate)
		}
	}
}

// ask asks whether the server is there, unless fn is just asking something
// itself, or may be reading rows.
func (h *hold) ask(ctx context.Context) error {
	left := h.patience() - time.Since(*h.heard.Load())
	if left <= 0 {
		return fmt.Errorf("%w: %v", errSilent, h.patience())
	}
	if !h.quiet.TryLock() {
		return nil
	}
	defer h.quiet.Unlock()
	if h.reading || h.prepared {
		return nil
	}
	return h.ping(ctx, min(askFor, left))
}

// ping asks the server something that it answers at once.
func (h *hold) ping(ctx context.Context, within time.Duration) error {
	// Not the caller's context: one that ends while it asks would break a
	// connection that is to roll back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	asked := time.Now()
	err := h.conn.PingContext(ctx)
	if err == nil {
		h.hear(asked)
	}
	return err
}
