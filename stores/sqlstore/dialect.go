package sqlstore

import "fmt"

// Dialect is the kind of database. The zero value is not valid.
type Dialect int

// The databases that a Store supports.
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
