package sqlstore

import (
	"fmt"
	"strconv"
	"strings"
)

// Dialect is the kind of database. The zero value is none.
type Dialect int

// The databases that a Store knows.
const (
	// Postgres is PostgreSQL 11 or newer, with pgx's stdlib driver or lib/pq.
	Postgres Dialect = iota + 1
	// MySQL is MariaDB 10.3, MySQL 5.7 or newer, with go-sql-driver/mysql. For
	// purchases it is MariaDB 10.6, MySQL 8.0 or newer.
	MySQL
	// SQLite is SQLite 3.35 or newer, with modernc.org/sqlite or
	// mattn/go-sqlite3.
	SQLite
)

// String returns the database's name.
func (d Dialect) String() string {
	switch d {
	case Postgres:
		return "PostgreSQL"
	case MySQL:
		return "MySQL"
	case SQLite:
		return "SQLite"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

// must panics for what is no dialect: a mistake in the program.
func (d Dialect) must() Dialect {
	if d < Postgres || d > SQLite {
		panic(fmt.Sprintf("sqlstore: %v is no dialect: use Postgres, MySQL or SQLite", d))
	}
	return d
}

// goneAfter is how long, in seconds, the server keeps the transaction and the
// locks of a client of which it hears nothing: a machine that has lost its power
// closes no connection. A client that lives is asking every second.
const goneAfter = 10

// restore are the statements after which a connection is as it was.
func (d Dialect) restore() []string {
	if d == MySQL {
		return []string{"SET SESSION wait_timeout = DEFAULT"}
	}
	return nil
}

// begin are the statements that begin a transaction to write in.
func (d Dialect) begin() []string {
	switch d {
	case Postgres:
		return []string{
			"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
			"SET LOCAL idle_in_transaction_session_timeout = '" + strconv.Itoa(goneAfter) + "s'",
		}
	case MySQL:
		return []string{
			"SET SESSION wait_timeout = " + strconv.Itoa(goneAfter),
			"SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
			"START TRANSACTION READ WRITE",
		}
	default:
		return []string{"BEGIN IMMEDIATE"}
	}
}

// rebind writes a statement's question marks as the database wants them.
func (d Dialect) rebind(query string) string {
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
