package sqldb

import (
	"database/sql/driver"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// passingStates are the classes and codes of SQLSTATE for failures that may not
// happen the next time: connections, rolled back transactions, resources, an
// administrator's intervention, and locks. See PostgreSQL's appendix of error
// codes; MySQL has the first two.
var passingStates = []string{"08", "40", "53", "57P", "57014", "55P03", "25006"}

// passingMySQL are MySQL's and MariaDB's numbers of such failures: too many
// connections, a lock that was waited for too long, a deadlock, a transaction
// that has met another's change, a server that is read-only or shuts down, and a
// statement that took too long.
var passingMySQL = []string{
	"1040", "1053", "1205", "1213", "1290", "1317", "1836", "1792", "1927", "1969", "1020", "3024", "3572", "4068",
}

var mysqlNumber = regexp.MustCompile(`^Error (\d{4})\b`)

// passing reports whether the statement that failed so may go well the next
// time.
func passing(err error) bool {
	if busy(err) || errors.Is(err, driver.ErrBadConn) {
		return true
	}
	state, number := codes(err)
	return slices.ContainsFunc(passingStates, func(prefix string) bool {
		return state != "" && strings.HasPrefix(state, prefix)
	}) ||
		slices.Contains(passingMySQL, number)
}
