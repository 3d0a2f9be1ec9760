package sqldb

import (
	"database/sql/driver"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// transientStates are the SQLSTATE classes and codes of transient errors:
// connections, rolled back transactions, resources such as a full disk, an
// administrator's intervention, the operating system, locks, and a read-only
// server. See PostgreSQL's appendix of error codes. MySQL has the first two.
var transientStates = []string{"08", "40", "53", "57P", "57014", "58", "55P03", "25006"}

// transientMySQL are the MySQL and MariaDB numbers of transient errors: too
// many connections, a lock timeout, a deadlock, a conflict with another
// transaction, a server that is read-only, shuts down or has lost its cluster,
// a statement timeout, and in the second line a file that can't be created or
// written, a full disk, and no memory, locks or transactions left.
var transientMySQL = []string{
	"1040", "1053", "1205", "1213", "1290", "1317", "1836", "1792", "1927", "1969", "1020", "3024", "3572", "4068", "1047",
	"1", "3", "20", "1021", "1026", "1030", "1037", "1038", "1041", "1114", "1206", "1637",
}

// transientSQLite are the texts of sqlite3_errstr for a full or failing disk and
// for a file system that has become read-only.
var transientSQLite = []string{
	"database or disk is full", "disk I/O error", "attempt to write a readonly database", "unable to open database file",
}

var mysqlNumber = regexp.MustCompile(`^Error (\d{1,4})\b`)

// transient reports whether a statement that failed with err may succeed when
// it is retried.
func transient(err error) bool {
	if busy(err) || errors.Is(err, driver.ErrBadConn) {
		return true
	}
	state, number := codes(err)
	if state == "" && number == "" {
		return slices.ContainsFunc(transientSQLite, func(text string) bool { return strings.Contains(err.Error(), text) })
	}
	return slices.ContainsFunc(transientStates, func(prefix string) bool { return strings.HasPrefix(state, prefix) }) ||
		slices.Contains(transientMySQL, number)
}
