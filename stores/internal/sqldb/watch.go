package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ShortLease is the lease of a hold that lends its transaction to no caller: it can
// be asked at any time whether it is there.
const ShortLease = 10 * time.Second

// A server frees what a client has locked when it has not heard of it for the
// hold's lease. So that no two fns run at once, the context of an fn ends before
// that: when the server was not heard of for patience.
func (h *Hold) patience() time.Duration { return h.lease / 4 * 3 }

// askEvery is how often a connection that waits for an fn is asked whether it is
// there: often, so that an fn whose connection is lost ends soon.
func (h *Hold) askEvery() time.Duration { return min(time.Second, h.lease/10) }

const askFor = 3 * time.Second // how long its answer may take

// hear notes that the server has answered what it was asked at that time. It
// counts from there, since the answer may have been long on its way.
func (h *Hold) hear(asked time.Time) { h.heard.Store(&asked) }

// mercy is how long an fn may go on when its context has ended. With patience it
// is the lease.
func (h *Hold) mercy() time.Duration { return h.lease / 4 }

// Watch calls fn with a context that ends when the connection is lost or may be
// lost, since the server then releases its locks. lost is the reason. If fn
// runs for longer than mercy after the end of its context, Watch calls giveUp,
// unless it is nil; that is a reason, too.
func (h *Hold) Watch(ctx context.Context, fn func(context.Context), giveUp func()) (lost error) {
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
func (h *Hold) losable() bool { return h.db.Dialect != SQLite }

// Verdict is nil when what fn returned, refused, is its answer. Otherwise it is
// the reason why the connection that held the lock was lost, with what fn said in
// words alone. Fn may have said it because a statement found the connection dead,
// or because its context had ended. The rollback that is due anyway tells: what
// the server still has, it has locked all the time.
func (h *Hold) Verdict(lost, refused error) error {
	if lost == nil && refused != nil {
		lost = h.Rollback()
	}
	if lost != nil && refused != nil {
		return fmt.Errorf("%w (fn's error: %v)", lost, refused)
	}
	return lost
}

var (
	errSilent = errors.New("nothing was asked of it, or it has answered nothing, for too long")
	errLate   = errors.New("it was given back, since fn went on for too long after its context had ended")
)

// guard watches over an fn and its connection until there is no need any more.
func (h *Hold) guard(
	inner context.Context, lose context.CancelCauseFunc, giveUp func(), stop <-chan struct{},
) (lost error) {
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
func (h *Hold) ask(ctx context.Context) error {
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
func (h *Hold) ping(ctx context.Context, within time.Duration) error {
	// Not the caller's context: one that ends while it asks would break a
	// connection that is to roll back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	asked := time.Now()
	err := h.Conn.PingContext(ctx)
	if err == nil {
		h.hear(asked)
	}
	return err
}
