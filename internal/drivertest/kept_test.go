package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kept is a database that tests borrow one after the other. To make its tables,
// and to connect to it, costs more than most tests do.
type kept struct {
	database database
	remove   func() error
	pool     *sql.DB // of one store of the test, with a connection that stays
	lent     atomic.Bool
	aside    *sql.DB // of no store
}

// shelf has the databases that no test uses, by the names of their kinds.
type shelf struct {
	mu   sync.Mutex
	kept map[string][]*kept
}

var idle = shelf{kept: map[string][]*kept{}}

func (s *shelf) take(kind string) *kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.kept[kind]
	if len(all) == 0 {
		return nil
	}
	last := len(all) - 1
	s.kept[kind] = all[:last]
	return all[last]
}

func (s *shelf) put(kind string, k *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[kind] = append(s.kept[kind], k)
}

// close removes all databases.
func (s *shelf) close() (err error) {
	for _, all := range s.kept {
		for _, k := range all {
			err = errors.Join(err, k.close())
		}
	}
	return errors.Join(err, postgresAdmin.Close(), mysqlAdmin.Close())
}

// lend gives the test a database whose tables are empty. One that the test did
// not leave in order is removed.
func (k kind) lend(t *testing.T) database {
	t.Helper()
	lent := idle.take(k.name)
	if lent == nil {
		lent = k.keep(t)
	}
	lent.aside.SetMaxIdleConns(1)
	t.Cleanup(func() {
		lent.aside.SetMaxIdleConns(0)
		if t.Failed() || lent.clear() != nil {
			if err := lent.close(); err != nil {
				t.Error(err)
			}
			return
		}
		idle.put(k.name, lent)
	})
	d := lent.database
	d.kept = lent
	return d
}

func (k kind) keep(t *testing.T) *kept {
	t.Helper()
	d, remove := k.make(t)
	made := &kept{database: d, remove: remove, pool: d.open(d.addr), aside: d.open(d.addr)}
	limit(made.pool)
	err := newStore(made.pool, d.dialect).Migrate(t.Context())
	if err == nil {
		_, err = made.pool.ExecContext(t.Context(), makeGoods)
	}
	if err != nil {
		_ = made.close()
	}
	require.NoError(t, err)
	return made
}

// makeGoods makes the table of an application.
const makeGoods = "CREATE TABLE goods (purchase VARCHAR(36) NOT NULL, what VARCHAR(16) NOT NULL)"

// clear removes what a test has left in the tables.
func (k *kept) clear() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return clearTables(ctx, k.pool, "oauth_credentials", "oauth_states", "gloebit_purchases", "goods")
}

func clearTables(ctx context.Context, db *sql.DB, tables ...string) error {
	for _, table := range tables {
		if _, err := db.ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return err
		}
	}
	return nil
}

func (k *kept) close() error {
	return errors.Join(k.pool.Close(), k.aside.Close(), k.remove())
}

// lendPool lends the pool, or nil if it is lent already.
func (k *kept) lendPool(t *testing.T) *sql.DB {
	t.Helper()
	if k == nil || !k.lent.CompareAndSwap(false, true) {
		return nil
	}
	k.pool.SetMaxIdleConns(poolSize)
	t.Cleanup(func() {
		if k.pool.Stats().InUse > 0 {
			_ = k.pool.Close()
			k.pool = k.database.open(k.database.addr)
		}
		limit(k.pool)
		k.pool.SetMaxIdleConns(1)
		k.lent.Store(false)
	})
	return k.pool
}
