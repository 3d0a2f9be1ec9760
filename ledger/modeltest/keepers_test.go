package modeltest_test

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"
)

// memory is a MemoryStore with transactions: what a Fulfiller writes is kept
// when the purchase is saved, and only then.
type memory struct {
	ledger.MemoryStore
	shelf, held map[string]int
}

func newMemory(*rapid.T) keeper { return &memory{shelf: map[string]int{}, held: map[string]int{}} }

type writesKey struct{}

func write(ctx context.Context, fn func()) error {
	writes := ctx.Value(writesKey{}).(*[]func())
	*writes = append(*writes, fn)
	return nil
}

func (m *memory) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	var writes []func()
	p, err := m.MemoryStore.Change(context.WithValue(ctx, writesKey{}, &writes), key, fn)
	if err == nil {
		for _, write := range writes {
			write()
		}
	}
	return p, err
}

func (m *memory) reserve(ctx context.Context, id string) error {
	return write(ctx, func() { m.held[id]++ })
}

func (m *memory) deliver(ctx context.Context, id string) error {
	return write(ctx, func() { m.shelf[id]++ })
}

func (m *memory) release(ctx context.Context, id string) error {
	return write(ctx, func() { m.held[id] = 0 })
}

func (m *memory) goods() (shelf, held map[string]int) { return maps.Clone(m.shelf), maps.Clone(m.held) }

// inSQL is an SQLite database, where the Fulfiller writes in the transaction of
// the purchase.
type inSQL struct {
	*sqlledger.Store
	db *sql.DB
}

// newSQLite returns a function that empties one in-memory database for each
// run.
func newSQLite(t *testing.T) (empty func(*rapid.T) keeper) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // each has a database of its own
	tokens, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
	if err != nil {
		t.Fatal(err)
	}
	kept := inSQL{sqlledger.New(tokens), db}
	if err := kept.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err = db.Exec("CREATE TABLE goods (purchase TEXT NOT NULL, what TEXT NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	return func(t *rapid.T) keeper {
		for _, table := range []string{"gloebit_purchases", "goods"} {
			_, err := db.Exec("DELETE FROM " + table)
			check(t, err)
		}
		return kept
	}
}

func (k inSQL) exec(ctx context.Context, query, id string) error {
	tx, ok := sqlledger.Tx(ctx)
	if !ok {
		return errors.New("the context has no transaction")
	}
	_, err := tx.ExecContext(ctx, query, id)
	return err
}

func (k inSQL) reserve(ctx context.Context, id string) error {
	return k.exec(ctx, "INSERT INTO goods VALUES (?, 'held')", id)
}

func (k inSQL) deliver(ctx context.Context, id string) error {
	return k.exec(ctx, "INSERT INTO goods VALUES (?, 'shelf')", id)
}

func (k inSQL) release(ctx context.Context, id string) error {
	return k.exec(ctx, "DELETE FROM goods WHERE purchase = ? AND what = 'held'", id)
}

func (k inSQL) goods() (shelf, held map[string]int) {
	shelf, held = map[string]int{}, map[string]int{}
	rows, err := k.db.Query("SELECT purchase, what FROM goods")
	if err != nil {
		panic(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, what string
		if err := rows.Scan(&id, &what); err != nil {
			panic(err)
		}
		map[string]map[string]int{"shelf": shelf, "held": held}[what][id]++
	}
	if err := rows.Err(); err != nil {
		panic(err)
	}
	return shelf, held
}
