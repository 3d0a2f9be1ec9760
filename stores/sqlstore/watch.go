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

// watch calls fn with a context that ends when the connection is lost, or may
// be: then the server frees what was locked. lost is the reason.
func (h *hold) watch(ctx context.Context, fn func(context.Context)) (lost error) {
	if h.store.dialect == SQLite { // nothing that could be lost
		fn(ctx)
		return nil
	}
	if time.Since(*h.heard.Load()) > h.askEvery() { // it has waited for the lock
		if err := h.ping(ctx, askFor); err != nil {
			h.broken = true
			return err
		}
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		if lost = h.askOn(ctx, stop); lost != nil {
			h.broken = true
			cancel(lost)
		}
	}()
	func() {
		defer func() { close(stop); <-stopped }() // also when fn panics
		fn(inner)
	}()
	return lost
}

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

// askOn asks the connection until it fails or there is no need any more.
func (h *hold) askOn(ctx context.Context, stop <-chan struct{}) error {
	ticker := time.NewTicker(h.askEvery())
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ticker.C:
		}
		if err := h.ask(ctx); err != nil {
			return err
		}
	}
}

var errSilent = errors.New("nothing was asked of it, or it has answered nothing, for too long")

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
