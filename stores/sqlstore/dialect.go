package sqlstore

import "fmt"

// Dialect is the kind of database. The zero value is not valid.
type Dialect int

// The databases that a Store supports.
const (
	// Postgres is PostgreSQL 11 or newer, with pgx's stdlib driver or lib/pq.
	Postgres Dialect = iota + 1
	// MySQL is MariaDB or MySQL, with go-sql-driver/mysql: MariaDB 10.3 or newer,
	// or MySQL 5.7 or newer. Package sqlledger needs MariaDB 10.6 or MySQL 8.0.
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
