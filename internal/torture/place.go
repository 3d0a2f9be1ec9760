package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// place is the database of a run. Each process of the run opens it, and nothing
// else uses it.
type place struct {
	Store string // the value of -store
	DSN   string // the server or the file
	Name  string // the schema or database on the server, if any
}

func (p place) dialect() sqlstore.Dialect {
	switch p.Store {
	case "postgres":
		return sqlstore.Postgres
	case "mysql":
		return sqlstore.MySQL
	}
	return sqlstore.SQLite
}

func (p place) open() (*sql.DB, error) {
	switch p.Store {
	case "postgres":
		config, err := pgx.ParseConfig(p.DSN)
		if err != nil {
			return nil, err
		}
		config.ConnectTimeout = 5 * time.Second
		if p.Name != "" {
			config.RuntimeParams["search_path"] = p.Name
		}
		return pool(stdlib.OpenDB(*config)), nil
	case "mysql":
		config, err := mysql.ParseDSN(p.DSN)
		if err != nil {
			return nil, err
		}
		config.Timeout = 5 * time.Second
		if p.Name != "" {
			config.DBName = p.Name
		}
		connector, err := mysql.NewConnector(config)
		if err != nil {
			return nil, err
		}
		return pool(sql.OpenDB(connector)), nil
	}
	// synchronous(NORMAL) is safe here: other processes can read what a killed
	// process has written, even if it is not on the disk yet.
	name := "file:" + (&url.URL{Path: p.DSN}).EscapedPath() +
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(20)"
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	return pool(db), nil
}

// pool limits the connections. With three merchants, a run has nine pools on
// one server, and PostgreSQL accepts 100 connections by default.
func pool(db *sql.DB) *sql.DB {
	db.SetMaxOpenConns(6)
	db.SetMaxIdleConns(6)
	return db
}

// newPlace creates a database and returns a function that removes it. It
// returns errNoServer if there is no server.
func newPlace(ctx context.Context, store, dsn string) (p place, remove func(), err error) {
	name := "gloebit_torture_" + strings.ToLower(rand.Text()[:16])
	switch store {
	case "sqlite":
		return newFile(dsn)
	case "postgres":
		p = place{
			Store: store,
			DSN:   setting(dsn, "GLOEBIT_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"),
		}
		remove, err = p.administer(ctx, "CREATE SCHEMA "+name, "DROP SCHEMA "+name+" CASCADE")
	case "mysql":
		p = place{Store: store, DSN: setting(dsn, "GLOEBIT_TEST_MYSQL", "root@tcp(127.0.0.1:3306)/test")}
		remove, err = p.administer(ctx, "CREATE DATABASE "+name, "DROP DATABASE "+name)
	default:
		return p, nil, fmt.Errorf("no store is called %q", store)
	}
	p.Name = name
	return p, remove, err
}

func newFile(path string) (place, func(), error) {
	if path != "" {
		_, err := os.Stat(path)
		if err == nil {
			return place{}, nil, fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return place{}, nil, err
		}
		return place{Store: "sqlite", DSN: path}, func() {}, nil
	}
	folder, err := os.MkdirTemp("", "gloebit-torture-")
	if err != nil {
		return place{}, nil, err
	}
	return place{Store: "sqlite", DSN: filepath.Join(folder, "shop.db")}, func() { _ = os.RemoveAll(folder) }, nil
}

func setting(given, variable, otherwise string) string {
	if given != "" {
		return given
	}
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return otherwise
}

var errNoServer = errors.New("the server can't be reached")

// administer executes the statement create and returns a function that executes
// drop. It returns errNoServer if the server does not respond.
func (p place) administer(ctx context.Context, create, drop string) (remove func(), err error) {
	db, err := p.open()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("%w: %w", errNoServer, err)
	}
	if _, err := db.ExecContext(ctx, create); err != nil {
		_ = db.Close()
		return nil, err
	}
	return func() {
		defer func() { _ = db.Close() }()
		if _, err := db.ExecContext(context.WithoutCancel(ctx), drop); err != nil {
			fmt.Fprintln(os.Stderr, "torture:", drop+":", err)
		}
	}, nil
}

// joined lists states for an SQL IN, without the first and the last quote.
func joined(states []ledger.State) string {
	names := make([]string, len(states))
	for i, state := range states {
		names[i] = string(state)
	}
	return strings.Join(names, "', '")
}
