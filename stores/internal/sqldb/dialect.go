package sqldb

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Dialect is the kind of database. Its values are those of sqlstore.Dialect.
type Dialect int

// The databases that a DB knows.
const (
	Postgres Dialect = iota + 1
	MySQL
	SQLite
)

// SetDurable is an expression for PostgreSQL, never NULL, that has the
// transaction's commit wait for the disk, and for the standbys that the server is
// set to wait for, although synchronous_commit may be off. It leaves what is
// stricter.
const SetDurable = "CASE WHEN current_setting('synchronous_commit') IN ('on', 'remote_apply') THEN 'on' " +
	"ELSE set_config('synchronous_commit', 'on', true) END"

// begin are the statements that begin a transaction to write in. The server ends
// it, and frees what it has locked, when it has heard nothing of the client for
// the lease: a machine that has lost its power closes no connection. PostgreSQL
// is told the lease by [Hold.Settings].
func (d Dialect) begin(lease time.Duration) []string {
	switch d {
	case Postgres: // Not READ WRITE: a server whose default is read only has been demoted.
		return []string{"BEGIN ISOLATION LEVEL READ COMMITTED"}
	case MySQL: // which counts in seconds
		return []string{
			fmt.Sprintf(
				"SET @gloebit_wait_timeout = @@SESSION.wait_timeout, SESSION wait_timeout = %d",
				int64(math.Ceil(lease.Seconds())),
			),
			"SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
			"START TRANSACTION READ WRITE",
		}
	default:
		return []string{"BEGIN IMMEDIATE"}
	}
}

// restore is the statement after which a connection is as it was, and free of
// the lock of that name. It is empty where nothing is to be done.
func (d *DB) restore(named string) string {
	switch {
	case d.Dialect != MySQL:
		return ""
	case named == "":
		return "SET SESSION wait_timeout = @gloebit_wait_timeout"
	}
	return "SET SESSION wait_timeout = @gloebit_wait_timeout, @gloebit_released = RELEASE_LOCK(" + d.mysqlLock(named) + ")"
}

// mysqlLock is the name of a lock in MySQL. It is one for the tables of a prefix
// in a database: servers have one namespace for all. It is written out, since an
// argument would cost the driver a round trip to prepare for it.
func (d *DB) mysqlLock(name string) string {
	schema, begin := cutPrefix(d.prefix)
	in := "DATABASE()"
	if schema != "" {
		in = "'" + schema + "'"
	}
	sum := sha256.Sum256([]byte(begin + "\x00" + name))
	return fmt.Sprintf("CONCAT('gloebit:', LEFT(SHA2(CONCAT(LOWER(%s), '/', '%x'), 256), 48))", in, sum)
}

// Rebind writes a statement's question marks as the database wants them.
func (d Dialect) Rebind(query string) string {
	if d != Postgres {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}
