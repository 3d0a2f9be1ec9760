package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/cached"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// What follows is the Go that docs/stores.md shows.

func guideSQLite(
	ctx context.Context, t *testing.T, config gloebit.Config, file string,
) (*gloebit.Merchant, *sqlstore.Store, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)") // import _ "modernc.org/sqlite"
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
	if err != nil {
		return nil, nil, err
	}
	if err := store.Migrate(ctx); err != nil { // makes the tables
		return nil, nil, err
	}
	config.Tokens, config.States = store, store
	merchant, err := gloebit.New(config)

	t.Cleanup(func() { _ = db.Close() })
	return merchant, store, err
}

func guidePostgres(t *testing.T) (*sqlstore.Store, error) {
	dsn := os.Getenv("DATABASE_URL") // such as postgres://shop:secret@db:5432/shop
	if dsn == "" {
		return nil, errors.New("DATABASE_URL is not set")
	}
	db, err := sql.Open("pgx", dsn) // import _ "github.com/jackc/pgx/v5/stdlib"
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(20) // below the server's own limit
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.Postgres})

	t.Cleanup(func() { _ = db.Close() })
	return store, err
}

func guideMySQL(t *testing.T) (*sqlstore.Store, error) {
	db, err := sql.Open("mysql", "shop:secret@tcp(db:3306)/shop") // import _ "github.com/go-sql-driver/mysql"
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(20)
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.MySQL})

	t.Cleanup(func() { _ = db.Close() })
	return store, err
}

func guideSealed(store *sqlstore.Store) (gloebit.TokenStore, error) {
	keys, err := sealed.ParseKeys(os.Getenv("SHOP_SEALING_KEYS"))
	if err != nil {
		return nil, err
	}
	tokens, err := sealed.New(store, keys...) // Config.Tokens; Config.States stays store
	if err != nil {
		return nil, err
	}
	return cached.New(tokens, cached.Config{MaxAge: 2 * time.Second}) // stores/cached
}

func guidePurchases(ctx context.Context, store *sqlstore.Store) (*sqlledger.Store, error) {
	purchases := sqlledger.New(store)
	return purchases, purchases.Migrate(ctx) // the tables of both
}

func TestGuide(t *testing.T) {
	config := gloebit.Config{
		ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox(),
		RedirectURL: "https://shop.example/gloebit/callback",
	}
	merchant, store, err := guideSQLite(t.Context(), t, config, filepath.Join(t.TempDir(), "gloebit.db"))
	require.NoError(t, err)
	_, err = guidePurchases(t.Context(), store)
	require.NoError(t, err)
	t.Setenv("SHOP_SEALING_KEYS", "2026-11:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	tokens, err := guideSealed(store)
	require.NoError(t, err)
	alice := connect.Key{Realm: merchant.Realm(), ID: "alice"}
	err = tokens.Update(t.Context(), alice, func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: "token"}, nil
	})
	require.NoError(t, err)
	client, err := merchant.Client(t.Context(), "alice") // its token is sealed in the store
	require.NoError(t, err)
	require.Equal(t, "alice", client.User().ID)
	t.Setenv("DATABASE_URL", "postgres://shop:secret@db:5432/shop")
	for _, open := range []func(*testing.T) (*sqlstore.Store, error){guidePostgres, guideMySQL} {
		_, err := open(t)
		require.NoError(t, err)
	}
}
