package sqldb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checkSettings returns an error that names the setting with which the stores
// would lose writes, or could not read what they write.
func (d *DB) checkSettings(ctx context.Context) error {
	switch d.Dialect {
	case Postgres:
		if err := d.checkConnection(ctx); err != nil {
			return err
		}
		if err := d.checkTimes(ctx); err != nil {
			return err
		}
		if err := d.checkPooler(ctx); err != nil {
			return err
		}
		return d.checkTexts(ctx)
	case MySQL:
		return d.checkVariables(ctx)
	}
	return nil
}

// checkVariables returns an error that names the variable of MySQL with which
// writes would be lost or changed.
func (d *DB) checkVariables(ctx context.Context) error {
	for _, c := range []struct{ name, bad, risk string }{
		{"autocommit", "OFF", "autocommit is off, so that what is saved is never committed: " +
			"take autocommit=0 out of the data source name, or set it to 1 there"},
		{"completion_type", "CHAIN", "a commit begins another transaction, in which later writes are lost: " +
			"set completion_type to NO_CHAIN"},
		{"tx_read_only", "ON", "transactions can only read by default: set tx_read_only to OFF"},
		{"transaction_read_only", "ON", "transactions can only read by default: set transaction_read_only to OFF"},
		{"sql_mode", "EMPTY_STRING_IS_NULL", "an empty text is stored as NULL: take EMPTY_STRING_IS_NULL out of sql_mode"},
	} {
		var name, value string
		err := d.Read(ctx, func(from Querier) error {
			return from.QueryRowContext(ctx, "SHOW VARIABLES LIKE '"+c.name+"'").Scan(&name, &value)
		})
		if errors.Is(err, sql.ErrNoRows) { // the names of some variables depend on the server
			continue
		}
		if err != nil {
			return err
		}
		if slices.Contains(strings.Split(value, ","), c.bad) {
			return errors.New(c.risk)
		}
	}
	return nil
}

// checkConnection returns the error unchanged if the database can't be reached.
// The other checks would blame a setting.
func (d *DB) checkConnection(ctx context.Context) error {
	return d.Read(ctx, func(from Querier) error {
		_, err := from.ExecContext(ctx, "SELECT 1") // pgx prepares no statement for it, which a pooler might refuse
		return err
	})
}

// checkTimes returns an error if the driver can't read times. In the simple
// protocol they are text in the format of the setting datestyle.
func (d *DB) checkTimes(ctx context.Context) error {
	err := d.Read(ctx, func(from Querier) error {
		var now Time
		return from.QueryRowContext(ctx, "SELECT now()::timestamptz").Scan(&now)
	})
	if err != nil && failureOf(err) == permanent && advice(err) == "" {
		err = fmt.Errorf("the driver can't read times: set datestyle to ISO: %w", err)
	}
	return err
}

// checkTexts returns an error if the database can't hold every text. A change
// of a purchase could then not be saved because of a user's name or an error's
// text.
func (d *DB) checkTexts(ctx context.Context) error {
	const wanted = "é–Ω漢😀\u0081"
	var got string
	err := d.Read(ctx, func(from Querier) error {
		return from.QueryRowContext(ctx, "SELECT $1::text", wanted).Scan(&got)
	})
	if err == nil && got != wanted {
		err = errors.New("a text was changed")
	}
	if err != nil && ctx.Err() == nil && failureOf(err) == permanent {
		err = fmt.Errorf("the database can't hold every text: use one with the encoding UTF8: %w", err)
	}
	return err
}

// checkPooler returns an error if the driver prepares statements and a pooler
// assigns each transaction another server connection. A prepared statement may
// then be missing, or be another client's. PgBouncer 1.21 and later can track
// prepared statements per client, under its own names.
func (d *DB) checkPooler(ctx context.Context) error {
	if d.SQL.Stats().MaxOpenConnections == 1 { // the check needs two
		return nil
	}
	for t := d.tries(); ; {
		if err := d.lookForPooler(ctx); err == nil || !t.again(ctx, err, true) {
			return err
		}
	}
}

func (d *DB) lookForPooler(ctx context.Context) error {
	first, err := d.SQL.Conn(ctx)
	if err != nil {
		return err
	}
	defer first.Close()
	// A unique name, because other clients may have left statements there.
	probe := "gloebit_" + strings.ToLower(rand.Text())
	server, prepares, err := prepared(ctx, first, probe)
	if err != nil || !prepares {
		return err
	}
	second, err := d.SQL.Conn(ctx)
	if err != nil {
		return err
	}
	defer second.Close()
	other, _, err := prepared(ctx, second, probe)
	if err == nil && other == server {
		err = errPooler
	}
	return err
}

var errPooler = errors.New("the connections lead through a pooler in transaction mode, and the driver prepares " +
	"statements: " +
	"set default_query_exec_mode=exec for pgx, or max_prepared_statements in PgBouncer 1.21 or newer")

// prepared returns the process ID of the server connection that a transaction
// got, and whether the driver prepares statements there.
func prepared(ctx context.Context, conn *sql.Conn, probe string) (server int64, prepares bool, err error) {
	defer func() {
		if failureOf(err) == lost {
			drop(conn)
		}
	}()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = tx.Rollback() }() // it has written nothing
	var length int
	err = tx.QueryRowContext(ctx, "SELECT pg_backend_pid(), length($1) AS "+probe, "x").Scan(&server, &length)
	if state, _ := codes(err); state == "42P05" || state == "26000" { // another client's, or missing
		return 0, true, errPooler
	}
	if err != nil {
		return 0, false, err
	}
	var own int
	err = tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM pg_prepared_statements "+
		"WHERE statement LIKE '%AS "+probe+"' AND name NOT LIKE 'PGBOUNCER%'").Scan(&own)
	return server, own > 0, err
}

// checkMemory returns an error if each connection has an in-memory SQLite
// database of its own. It checks that two connections see the table.
func (d *DB) checkMemory(ctx context.Context, table string) error {
	if d.Dialect != SQLite || d.SQL.Stats().MaxOpenConnections == 1 {
		return nil
	}
	for range 2 {
		conn, err := d.SQL.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		var found int
		err = d.retryBusy(ctx, func() error {
			return conn.QueryRowContext(ctx, d.Query("SELECT COUNT(*) FROM "+table)).Scan(&found)
		})
		if err != nil && strings.Contains(err.Error(), "no such table") {
			return errors.New("each connection to :memory: is a database of its own: " +
				"call SetMaxOpenConns(1), SetConnMaxLifetime(0) and SetConnMaxIdleTime(0) on the pool, or use a file")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkWrites returns an error if the tables are read-only for this user or for
// all. It changes no row.
func (d *DB) checkWrites(ctx context.Context, tables []string) error {
	h, err := d.HoldLocked(ctx, ShortLease, func(h *Hold) error {
		for _, table := range tables {
			for _, statement := range []string{
				"INSERT INTO " + table + " SELECT * FROM " + table + " WHERE 1 = 0",
				"UPDATE " + table + " SET realm = realm WHERE 1 = 0",
				"DELETE FROM " + table + " WHERE 1 = 0",
			} {
				if _, err := h.Exec(ctx, statement); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return cantWrite(err)
	}
	h.End() // without a commit
	return nil
}

// cantWrite adds advice to an error of checkWrites.
func cantWrite(err error) error {
	state, number := codes(err)
	text := err.Error()
	switch {
	case state == "42501" || number == "1142" || number == "1143":
		return fmt.Errorf("the database's user may not write: "+
			"grant it SELECT, INSERT, UPDATE and DELETE on the tables: %w", err)
	case strings.Contains(text, "readonly database"):
		return fmt.Errorf("the database can only be read: "+
			"let the process write the file and its folder, and don't open it with mode=ro: %w", err)
	case failureOf(err) == readOnly, state == "0A000": // a standby's response to BEGIN READ WRITE
		return fmt.Errorf("the server can only be read: "+
			"connect to the primary, with target_session_attrs=read-write for PostgreSQL: %w", err)
	}
	return err
}
