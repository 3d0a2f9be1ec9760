package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"
)

const (
	grace      = 3 * time.Second // for what must still be done after a context has ended
	askEvery   = time.Second     // how often a connection that waits for an fn is asked whether it is there
	askFor     = 3 * time.Second // how long its answer may take
	lockSlices = 5               // seconds that one GET_LOCK waits, so that one whose client has gone ends
)

// hold is a transaction on a connection of its own, with what it locks. It is
// written in SQL, not as an sql.Tx: that can't begin as SQLite needs it, its end
// takes no context, and it rolls back, and so frees the user, as soon as the
// context ends, while fn still runs.
type hold struct {
	store  *Store
	conn   *sql.Conn
	named  string // the MySQL lock that the connection holds
	over   bool   // the transaction has ended
	broken bool   // the connection must not be used again

	quiet   sync.Mutex // held by who uses the connection while an fn runs
	reading bool       // rows may be open, so that it must not be asked anything
}

// hold takes a connection and begins a transaction. Whoever gets one ends it.
func (s *Store) hold(ctx context.Context) (*hold, error) {
	var begun error
	// After the server was gone every idle connection may be a dead one, and
	// beginning is what finds it out. It has done nothing by then.
	for range s.db.Stats().Idle + 2 {
		h := &hold{store: s}
		err := s.patiently(ctx, func() (err error) { // opening SQLite can find it busy, too
			h.conn, err = s.db.Conn(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
		if begun = h.begin(ctx); begun == nil {
			return h, nil
		}
		// A BEGIN whose context ended may have begun all the same. SQLite rolls
		// it back, since the connection may be a whole database in memory; the
		// others close the connection.
		h.broken = s.dialect != SQLite
		h.end()
		if ctx.Err() != nil {
			break
		}
	}
	return nil, begun
}

func (h *hold) begin(ctx context.Context) error {
	for _, statement := range h.store.dialect.begin() {
		if _, err := h.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// exec runs a statement and returns how many rows it changed.
func (h *hold) exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	err = h.store.patiently(ctx, func() error {
		result, err := h.conn.ExecContext(ctx, h.store.dialect.rebind(query), args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, err
}

// lockName waits for a lock of MySQL's by name. It is one lock a database:
// servers have one namespace for all.
func (h *hold) lockName(ctx context.Context, name string) error {
	sum := sha256.Sum256([]byte(name))
	name = hex.EncodeToString(sum[:])
	for {
		var got sql.NullInt64
		row := h.conn.QueryRowContext(ctx, "SELECT GET_LOCK("+mysqlLockName+", ?)", name, lockSlices)
		if err := row.Scan(&got); err != nil {
			return err
		}
		if !got.Valid {
			return errors.New("GET_LOCK failed")
		}
		if got.Int64 == 1 {
			h.named = name
			return nil
		}
	}
}

const mysqlLockName = "CONCAT('gloebit:', LEFT(SHA2(CONCAT(LOWER(DATABASE()), '/', ?), 256), 48))"

// commit ends the transaction and keeps what it did.
func (h *hold) commit(ctx context.Context) error {
	_, err := h.exec(ctx, "COMMIT")
	h.over = err == nil
	h.broken = err != nil && h.store.dialect != SQLite
	return err
}

// end rolls back what was not committed, frees what was locked and gives the
// connection back. One that can't do that is closed, which does it too.
func (h *hold) end() {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if !h.over && !h.broken {
		_, err := h.exec(ctx, "ROLLBACK")
		h.broken = err != nil && !saysNoTransaction(err)
	}
	for _, statement := range h.store.dialect.restore() {
		if !h.broken {
			_, err := h.exec(ctx, statement)
			h.broken = err != nil
		}
	}
	if h.named != "" && !h.broken {
		_, err := h.exec(ctx, "DO RELEASE_LOCK("+mysqlLockName+")", h.named)
		h.broken = err != nil
	}
	if h.broken {
		_ = h.conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it
	}
	_ = h.conn.Close() // gives it back, or says that it is closed
}

// saysNoTransaction reports whether SQLite had nothing to roll back.
func saysNoTransaction(err error) bool {
	return strings.Contains(err.Error(), "no transaction is active")
}

// watch calls fn with a context that ends when the connection is lost: then the
// server has freed what was locked. lost is the reason.
func (h *hold) watch(ctx context.Context, fn func(context.Context)) (lost error) {
	if h.store.dialect == SQLite { // nothing that could be lost
		fn(ctx)
		return nil
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		if lost = h.ask(ctx, stop); lost != nil {
			h.broken = true
			cancel()
		}
	}()
	func() {
		defer func() { close(stop); <-stopped }() // also when fn panics
		fn(inner)
	}()
	return lost
}

// ask asks the connection until it fails or there is no need any more.
func (h *hold) ask(ctx context.Context, stop <-chan struct{}) error {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ticker.C:
		}
		if err := h.askOnce(ctx); err != nil {
			return err
		}
	}
}

// askOnce asks, unless fn is just asking something itself, which tells it too.
func (h *hold) askOnce(ctx context.Context) error {
	if !h.quiet.TryLock() {
		return nil
	}
	defer h.quiet.Unlock()
	if h.reading {
		return nil
	}
	// Not the caller's context: one that ends while it asks would break a
	// connection that is to roll back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	return h.conn.PingContext(ctx)
}

// lasting is a context that ends a little after its parent, for keeping what fn
// has already done.
func lasting(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	return ctx, func() { stop(); cancel() }
}
