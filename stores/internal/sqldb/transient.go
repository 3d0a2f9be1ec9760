package sqldb

import (
	"database/sql/driver"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// transientStates are the SQLSTATE classes and codes of transient errors:
// connections, rolled back transactions, resources, an administrator's
// intervention, locks, and a read-only server. See PostgreSQL's appendix of
// error codes. MySQL has the first two.
var transientStates = []string{"08", "40", "53", "57P", "57014", "55P03", "25006"}

// transientMySQL are the MySQL and MariaDB numbers of transient errors: too
// many connections, a lock timeout, a deadlock, a conflict with another
// transaction, a server that is read-only or shuts down, and a statement
// timeout.
var transientMySQL = []string{
	"1040", "1053", "1205", "1213", "1290", "1317", "1836", "1792", "1927", "1969", "1020", "3024", "3572", "4068",
}

var mysqlNumber = regexp.MustCompile(`^Error (\d{4})\b`)

// transient reports whether a statement that failed with err may succeed when
// it is retried.
func transient(err error) bool {
	if busy(err) || errors.Is(err, driver.ErrBadConn) {
		return true
	}
	state, number := codes(err)
	return slices.ContainsFunc(transientStates, func(prefix string) bool {
		return state != "" && strings.HasPrefix(state, prefix)
	}) ||
		slices.Contains(transientMySQL, number)
}
