package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/mysqlstore"
	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/v2"
	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

// storage is what the replicas share.
type storage struct {
	sessions scs.Store
	tokens   gloebit.TokenStore
	states   gloebit.StateStore
	prepare  func(context.Context) error // creates the tables, and fails if the database is down
	close    func()
}

// openStorage opens the store of -store. It does not query it yet.
func openStorage(ctx context.Context, o options) (*storage, error) {
	at := dsn(o)
	switch o.store {
	case "postgres":
		return openPostgres(ctx, at)
	case "mysql":
		return openMySQL(at)
	case "redis":
		return openRedis(at, o)
	}
	return nil, fmt.Errorf("-store %q: want postgres, mysql or redis", o.store)
}

// dsnVariable is the environment variable that passes -dsn to the replicas.
const dsnVariable = "REPLICAS_DSN"

// standard is the default of -dsn for a store: the value of the environment
// variable or, if that is empty, dsn.
type standard struct{ store, variable, dsn string }

func standards() []standard {
	return []standard{
		{"postgres", "GLOEBIT_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"},
		{"mysql", "GLOEBIT_MYSQL", "root@tcp(127.0.0.1:3306)/test"},
		{"redis", "GLOEBIT_REDIS", "redis://127.0.0.1:6379/0"},
	}
}

func dsn(o options) string {
	if o.dsn != "" {
		return o.dsn
	}
	if dsn := os.Getenv(dsnVariable); o.replica != "" && dsn != "" {
		return dsn
	}
	for _, s := range standards() {
		if s.store == o.store {
			return cmp.Or(os.Getenv(s.variable), s.dsn)
		}
	}
	return ""
}

// The maximum connections of a replica. By default PostgreSQL accepts 100
// connections, enough for ten replicas.
const (
	storeConnections   = 6
	sessionConnections = 3
)

func openPostgres(ctx context.Context, dsn string) (*storage, error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	db.SetMaxOpenConns(storeConnections)
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	config.MaxConns = sessionConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.Postgres})
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return &storage{
		sessions: pgxstore.NewWithCleanupInterval(pool, 0),
		tokens:   store,
		states:   store,
		prepare: func(ctx context.Context) error {
			return prepareSQL(
				ctx, store, db,
				`CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL)`,
			)
		},
		close: func() { pool.Close(); _ = db.Close() },
	}, nil
}

func openMySQL(dsn string) (*storage, error) {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	db.SetMaxOpenConns(storeConnections + sessionConnections)
	db.SetConnMaxLifetime(3 * time.Minute)
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.MySQL})
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	return &storage{
		sessions: mysqlstore.NewWithCleanupInterval(db, 0),
		tokens:   store,
		states:   store,
		prepare: func(ctx context.Context) error {
			return prepareSQL(
				ctx, store, db,
				`CREATE TABLE IF NOT EXISTS sessions (
					token CHAR(43) PRIMARY KEY, data BLOB NOT NULL, expiry TIMESTAMP(6) NOT NULL
				)`,
			)
		},
		close: func() { _ = db.Close() },
	}, nil
}

func prepareSQL(ctx context.Context, store *sqlstore.Store, db *sql.DB, sessions string) error {
	if err := store.Migrate(ctx); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, sessions)
	return err
}

func openRedis(dsn string, o options) (*storage, error) {
	config, err := redis.ParseURL(dsn)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	config.ContextTimeoutEnabled = true
	client := redis.NewClient(config)
	store, err := redisstore.New(redisstore.Config{Client: client, Prefix: o.prefix, Lease: o.lease})
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return &storage{
		sessions: goredisstore.NewWithPrefix(client, o.prefix+"session:"),
		tokens:   store,
		states:   store,
		prepare:  func(ctx context.Context) error { return client.Ping(ctx).Err() },
		close:    func() { _ = client.Close() },
	}, nil
}
