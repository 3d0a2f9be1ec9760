package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// each runs a test on every kind of database, with its GLOEBIT_DATABASE.
func each(t *testing.T, test func(t *testing.T, database string)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, newSQLite(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		at := must(url.Parse(envOr("GLOEBIT_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")))
		name := randomName()
		administer(t, at.String(), "CREATE SCHEMA "+name, "DROP SCHEMA "+name+" CASCADE")
		query := at.Query()
		query.Set("search_path", name)
		at.RawQuery = query.Encode()
		test(t, at.String())
	})
	t.Run("MariaDB", func(t *testing.T) {
		t.Parallel()
		config := must(mysql.ParseDSN(envOr("GLOEBIT_TEST_MYSQL", "root@tcp(127.0.0.1:3306)/test")))
		name := randomName()
		administer(t, "mysql://"+config.FormatDSN(), "CREATE DATABASE "+name, "DROP DATABASE "+name)
		config.DBName = name
		test(t, "mysql://"+config.FormatDSN())
	})
}

func newSQLite(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shop.db")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	return "sqlite:" + file
}

func envOr(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func randomName() string { return "gloebit_test_" + strings.ToLower(rand.Text()[:16]) }

// must panics on errors that only a mistake in a test or its settings causes.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// administer runs create, and drop at the end. The test is skipped without a
// server.
func administer(t *testing.T, database, create, drop string) {
	t.Helper()
	db := openDatabase(t, database)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		if os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
			t.Fatalf("the server can't be reached, but GLOEBIT_TEST_REQUIRE is all: %v", err)
		}
		t.Skipf("the server can't be reached: %v", err)
	}
	_, err := db.ExecContext(ctx, create)
	require.NoError(t, err)
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.Background(), drop); err != nil {
			t.Errorf("%s: %v", drop, err)
		}
	})
}

func openDatabase(t *testing.T, database string) *sql.DB {
	t.Helper()
	_, db, err := parseDatabase(database)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
