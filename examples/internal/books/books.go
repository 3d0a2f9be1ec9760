// Package books is what the example shop keeps in its database: the users'
// tokens, which are sealed, and states, the purchases, and what its workbench has
// done. The keys that seal and sign are in a file beside it. After a restart with
// the same files it is all there again.
package books

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	_ "modernc.org/sqlite" // the driver
)

// Books are open until Close. They are safe for concurrent use.
type Books struct {
	// Store keeps states, and what Tokens has sealed.
	Store *sqlstore.Store
	// Purchases keeps purchases in the same database.
	Purchases *sqlledger.Store
	// Tokens keeps tokens in Store, sealed.
	Tokens *sealed.Store
	// Bench does the shop's services.
	Bench *Bench
	// Keys sign the hold URLs.
	Keys []gloebit.Secret

	db *sql.DB
}

// Open opens the books in that file, with the keys in FILE-keys, and makes both
// when there are none. An empty name means books in memory, which are gone after
// Close. The file is of one application at Gloebit, named by its key: with
// another one's tokens and purchases nothing could be done, so Open fails.
func Open(ctx context.Context, file, clientID string) (*Books, error) {
	if err := makePrivate(file); err != nil {
		return nil, fmt.Errorf("books: %w", err)
	}
	db, err := sql.Open("sqlite", source(file))
	if err != nil {
		return nil, fmt.Errorf("books: %w", err)
	}
	if file == "" { // each connection would be a database of its own
		db.SetMaxOpenConns(1)
	}
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("books: %w", err), db.Close())
	}
	b := &Books{Store: store, Purchases: sqlledger.New(store), Bench: &Bench{db: db}, db: db}
	if err := b.prepare(ctx, file, clientID); err != nil {
		return nil, errors.Join(fmt.Errorf("books: %s: %w", name(file), err), db.Close())
	}
	return b, nil
}

// DB is the database, for what the shop does not do with it: tests break it.
func (b *Books) DB() *sql.DB { return b.db }

// Close closes the database, when nothing uses it any more.
func (b *Books) Close() error { return b.db.Close() }

// makePrivate makes the file, if there is none, readable by its owner only. SQLite
// gives the files beside it the same permissions.
func makePrivate(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func source(file string) string {
	if file == "" {
		return ":memory:"
	}
	if path, err := filepath.Abs(file); err == nil {
		file = path
	}
	place := url.URL{Path: filepath.ToSlash(file)}
	return "file:" + place.EscapedPath() + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)"
}

func name(file string) string {
	if file == "" {
		return "in memory"
	}
	return file
}

// prepare makes the tables that are not there yet.
func (b *Books) prepare(ctx context.Context, file, clientID string) error {
	if err := b.Purchases.Migrate(ctx); err != nil {
		return err
	}
	for _, statement := range schema() {
		if _, err := b.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	k, err := b.keys(ctx, file)
	if err != nil {
		return err
	}
	owner, err := b.setting(ctx, "application", clientID)
	if err != nil {
		return err
	}
	if owner != clientID {
		return fmt.Errorf("the file is of the application %s at Gloebit, and not of %s: use another", owner, clientID)
	}
	return b.unlock(k)
}

// keys reads the keys before the database gets its owner: until then it is new.
func (b *Books) keys(ctx context.Context, file string) (keys, error) {
	var settings int
	if err := b.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM shop_settings").Scan(&settings); err != nil {
		return keys{}, err
	}
	return readKeys(file, settings == 0)
}
