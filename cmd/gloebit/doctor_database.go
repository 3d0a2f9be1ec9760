package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

func (e *examination) database(ctx context.Context) (string, error) {
	if err := e.has("GLOEBIT_DATABASE"); err != nil {
		return "", err
	}
	d, err := e.open()
	if err != nil {
		return "", err
	}
	if err := d.db.PingContext(ctx); err != nil {
		return "", errors.Join(err, d.db.Close())
	}
	e.d = d
	return d.dialect.String() + " answers", nil
}

// setting is a setting of a database, the values that lose no commits, and the
// risk of other values. If the query returns no row, the setting does not
// matter.
type setting struct {
	name, query string
	good        []string
	risk        string
}

var settings = map[sqlstore.Dialect][]setting{
	sqlstore.Postgres: {
		{"fsync", "SHOW fsync", []string{"on"}, "a loss of power can lose or break everything"},
		{"full_page_writes", "SHOW full_page_writes", []string{"on"}, "a loss of power can break tables"},
		{"synchronous_commit", "SHOW synchronous_commit", []string{"on", "remote_write", "remote_apply", "local"},
			"a crash can lose refreshed tokens, and what the shop writes apart from its purchases"},
	},
	sqlstore.MySQL: {
		{
			"innodb_flush_log_at_trx_commit", "SELECT @@innodb_flush_log_at_trx_commit", []string{"1"},
			"a crash can lose paid purchases",
		},
		{"sync_binlog", "SELECT @@sync_binlog WHERE @@log_bin", []string{"1"}, "a crash can lose paid purchases on replicas"},
		{"binlog_format", "SELECT @@binlog_format WHERE @@log_bin", []string{"ROW", "MIXED"}, "the store can't write"},
	},
	sqlstore.SQLite: {
		{
			"journal_mode", "PRAGMA journal_mode", []string{"wal", "delete", "truncate", "persist"},
			"a crash can break the file",
		},
		{"synchronous", `SELECT synchronous FROM pragma_synchronous, pragma_journal_mode
			WHERE synchronous < 2 AND (synchronous = 0 OR journal_mode = 'wal')`,
			nil, "a loss of power can lose paid purchases; each connection of the shop must set FULL"},
	},
}

func (e *examination) durability(ctx context.Context) (string, error) {
	var right []string
	var problems []error
	for _, s := range settings[e.d.dialect] {
		var value string
		err := e.d.db.QueryRowContext(ctx, s.query).Scan(&value)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			problems = append(problems, fmt.Errorf("read %s: %w", s.name, err))
		case slices.Contains(s.good, value):
			right = append(right, s.name+" is "+value)
		default:
			problems = append(problems, fmt.Errorf("%s is %s: %s", s.name, value, s.risk))
		}
	}
	return strings.Join(right, ", "), errors.Join(problems...)
}

const clockTolerance = 5 * time.Second

// clock compares the clock of this machine with the database's.
func (e *examination) clock(ctx context.Context) (string, error) {
	query := "SELECT EXTRACT(EPOCH FROM clock_timestamp())"
	switch e.d.dialect {
	case sqlstore.MySQL:
		query = "SELECT UNIX_TIMESTAMP(NOW(6))"
	case sqlstore.SQLite:
		return "", skipped("SQLite has that of this machine")
	}
	var seconds float64
	before := e.now()
	err := e.d.db.QueryRowContext(ctx, query).Scan(&seconds)
	half := e.now().Sub(before) / 2
	if err != nil {
		return "", err
	}
	ahead := time.UnixMicro(int64(seconds * 1e6)).Sub(before.Add(half))
	text := fmt.Sprintf("the database is %v ahead of this machine", ahead.Round(time.Millisecond))
	if ahead.Abs() > clockTolerance+half {
		return "", errors.New(text + ": set both clocks by NTP")
	}
	return text, nil
}

func (e *examination) schema(ctx context.Context) (string, error) {
	var right []string
	for _, s := range e.d.schemas() {
		var version sql.NullInt64
		table, want := e.prefix+s.Table, int64(s.Steps[len(s.Steps)-1].Version)
		err := e.d.db.QueryRowContext(ctx, "SELECT MAX(version) FROM "+table).Scan(&version)
		switch {
		case err != nil:
			return "", fmt.Errorf("run gloebit migrate, or set --prefix: %w", err)
		case version.Int64 < want:
			return "", fmt.Errorf("%s is at version %d, not %d: run gloebit migrate", table, version.Int64, want)
		case version.Int64 > want:
			return "", fmt.Errorf("%s is at version %d, which is newer than this command", table, version.Int64)
		}
		right = append(right, fmt.Sprintf("%s is at version %d", table, want))
	}
	return strings.Join(right, ", "), nil
}
