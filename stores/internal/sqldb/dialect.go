package sqldb

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Dialect is the kind of database. Its values equal those of sqlstore.Dialect.
type Dialect int

// The supported databases.
const (
	Postgres Dialect = iota + 1
	MySQL
	SQLite
)

// SetDurable is a PostgreSQL expression, never NULL, that makes the commit wait
// for the disk and for the synchronous standbys even if synchronous_commit is
// off. It keeps a stricter setting.
const SetDurable = "CASE WHEN current_setting('synchronous_commit') IN ('on', 'remote_apply') THEN 'on' " +
	"ELSE set_config('synchronous_commit', 'on', true) END"

// begin returns the statements that begin a write transaction. The server ends
// it and releases its locks when the client has been silent for the lease,
// because a machine that loses power does not close its connections. In
// PostgreSQL, [Hold.Durable] adds to them.
func (d Dialect) begin(lease time.Duration) []string {
	switch d {
	case Postgres: // Not READ WRITE: a server whose default is read-only has been demoted.
		return []string{fmt.Sprintf("BEGIN ISOLATION LEVEL READ COMMITTED; "+
			"SET LOCAL idle_in_transaction_session_timeout = %d", lease.Milliseconds())}
	case MySQL: // wait_timeout is in whole seconds
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

// restore returns the statement that resets a connection's session and releases
// the named lock. It is empty if there is nothing to reset.
func (d *DB) restore(named string) string {
	switch {
	case d.Dialect != MySQL:
		return ""
	case named == "":
		return "SET SESSION wait_timeout = @gloebit_wait_timeout"
	}
	return "SET SESSION wait_timeout = @gloebit_wait_timeout, @gloebit_released = RELEASE_LOCK(" + d.mysqlLock(named) + ")"
}

// mysqlLock returns an SQL expression for the name of a lock in MySQL. The name
// includes the database and the prefix, because lock names are global to a
// server. It is not a query argument, because the driver would need another
// round trip to prepare the statement.
func (d *DB) mysqlLock(name string) string {
	schema, begin := cutPrefix(d.prefix)
	in := "DATABASE()"
	if schema != "" {
		in = "'" + schema + "'"
	}
	sum := sha256.Sum256([]byte(begin + "\x00" + name))
	return fmt.Sprintf("CONCAT('gloebit:', LEFT(SHA2(CONCAT(LOWER(%s), '/', '%x'), 256), 48))", in, sum)
}

// Rebind replaces question marks with the database's placeholders.
func (d Dialect) Rebind(query string) string {
	if d != Postgres || !strings.Contains(query, "?") {
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
