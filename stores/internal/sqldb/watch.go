package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ShortLease is the lease of a Hold that gives its transaction to no fn, so its
// connection can always be pinged.
const ShortLease = 10 * time.Second

// silenceLimit is how long fn may run without a response from the server. Then
// its context ends. The limit is shorter than the lease, after which the server
// releases the locks, so that two fns never run at once.
func (h *Hold) silenceLimit() time.Duration { return h.lease / 4 * 3 }

// pingInterval is how often the connection is pinged while fn runs, so that an
// fn whose connection is lost ends soon.
func (h *Hold) pingInterval() time.Duration { return min(time.Second, h.lease/10) }

const pingTimeout = 3 * time.Second // how long a response may take

// noteResponse records that the server has answered a request that was sent at
// that time. The time of sending counts, because the response may have been
// delayed.
func (h *Hold) noteResponse(asked time.Time) { h.lastResponse.Store(&asked) }

// abandonAfter is how long fn may continue after its context has ended.
// Together with silenceLimit it is the lease.
func (h *Hold) abandonAfter() time.Duration { return h.lease / 4 }

// Watch calls fn with a context that ends when the connection is lost or may be
// lost, because the server then releases its locks. lost is the reason. If fn
// still runs abandonAfter after its context has ended, Watch calls giveUp,
// unless it is nil, and lost is that reason.
func (h *Hold) Watch(ctx context.Context, fn func(context.Context), giveUp func()) (lost error) {
	if h.remote() && time.Since(*h.lastResponse.Load()) > h.pingInterval() { // it has waited for the lock
		if err := h.ping(ctx, pingTimeout); err != nil {
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

// remote reports whether the connection leads to a server.
func (h *Hold) remote() bool { return h.db.Dialect != SQLite }

// LossError returns nil if fn's error, refused, can be trusted. Otherwise it
// returns the reason why the connection that held the lock was lost, with the
// text of refused: fn may have failed because a statement found the connection
// dead, or because its context had ended. If refused is set, LossError rolls
// back: if that succeeds, the server has held the locks all the time.
func (h *Hold) LossError(lost, refused error) error {
	if lost == nil && refused != nil {
		lost = h.Rollback()
	}
	if lost != nil && refused != nil {
		return fmt.Errorf("%w (fn's error: %v)", lost, refused)
	}
	return lost
}

var (
	errSilent = errors.New("no response from the server for too long")
	errLate   = errors.New("it was given back, since fn went on for too long after its context had ended")
)

// guard pings the connection and watches fn's context until stop is closed or
// fn is abandoned.
func (h *Hold) guard(
	inner context.Context, lose context.CancelCauseFunc, giveUp func(), stop <-chan struct{},
) (lost error) {
	ticker := time.NewTicker(h.pingInterval())
	defer ticker.Stop()
	ended := inner.Done()
	var late <-chan time.Time
	for {
		select {
		case <-stop:
			return lost
		case <-ticker.C:
			if lost != nil || !h.remote() {
				continue
			}
			if lost = h.pingIdle(inner); lost != nil {
				h.broken = true
				lose(lost)
			}
		case <-ended:
			ended = nil
			if giveUp != nil {
				late = time.After(h.abandonAfter())
			}
		case <-late:
			giveUp()
			return errors.Join(lost, errLate)
		}
	}
}

// pingIdle pings the server, unless fn is running a statement or may be reading
// rows.
func (h *Hold) pingIdle(ctx context.Context) error {
	left := h.silenceLimit() - time.Since(*h.lastResponse.Load())
	if left <= 0 {
		return fmt.Errorf("%w: %v", errSilent, h.silenceLimit())
	}
	if !h.connMu.TryLock() {
		return nil
	}
	defer h.connMu.Unlock()
	if h.rowsOpen || h.prepared {
		return nil
	}
	return h.ping(ctx, min(pingTimeout, left))
}

// ping sends a ping and waits for the response.
func (h *Hold) ping(ctx context.Context, within time.Duration) error {
	// Not the caller's context: if it ended during the ping, the driver would
	// close a connection that is still needed for the rollback.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	asked := time.Now()
	err := h.Conn.PingContext(ctx)
	if err == nil {
		h.noteResponse(asked)
	}
	return err
}
