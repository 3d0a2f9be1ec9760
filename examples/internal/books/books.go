// Package books is the example shop's database: the users' tokens, which are
// sealed, states, purchases, and the jobs of the workbench. The keys for
// sealing and signing are in a file beside it. A restart with the same files
// restores everything.
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

// Books is the open database. It is safe for concurrent use until Close.
type Books struct {
	// Store keeps states, and the sealed tokens.
	Store *sqlstore.Store
	// Purchases keeps purchases in the same database.
	Purchases *sqlledger.Store
	// Tokens seals tokens and keeps them in Store.
	Tokens *sealed.Store
	// Bench does the shop's services.
	Bench *Bench
	// Keys sign the hold URLs.
	Keys []gloebit.Secret

	db *sql.DB
}

// Open opens the database in that file, with the keys in FILE-keys, and creates
// missing files. An empty name opens a database in memory, which is lost at
// Close. A file belongs to the application with that client ID. Open returns an
// error for another one, which could not use its tokens and purchases.
func Open(ctx context.Context, file, clientID string) (*Books, error) {
	if err := makePrivate(file); err != nil {
		return nil, fmt.Errorf("books: %w", err)
	}
	db, err := sql.Open("sqlite", source(file))
	if err != nil {
		return nil, fmt.Errorf("books: %w", err)
	}
	if file == "" { // otherwise each connection has its own database
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

// DB returns the database, for tests that break it.
func (b *Books) DB() *sql.DB { return b.db }

// Close closes the database, which must not be in use.
func (b *Books) Close() error { return b.db.Close() }

// makePrivate creates the file if it is missing, readable only by its owner.
// SQLite gives the files beside it the same permissions.
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

// prepare creates missing tables.
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

// keys reads the keys. It must run before the database has an owner, which
// shows that it is new.
func (b *Books) keys(ctx context.Context, file string) (keys, error) {
	var settings int
	if err := b.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM shop_settings").Scan(&settings); err != nil {
		return keys{}, err
	}
	return readKeys(file, settings == 0)
}
