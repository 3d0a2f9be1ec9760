package sqldb

import (
	"errors"
	"slices"
	"strings"
)

// Error codes and texts that suggest a wrong setting. On another database, the
// statements of these packages fail with syntax errors or unknown functions and
// types.
var (
	noTable   = []string{"42P01", "3F000", "1146"}
	noDialect = []string{"42601", "42883", "42704", "42P02", "42P18", "1064", "1305"}

	noTableWords   = []string{"no such table"}
	noDialectWords = []string{"syntax error", "no such function", "unrecognized token"}
)

// advice returns a hint at the setting that probably caused err, or "".
func advice(err error) string {
	is := func(codes, words []string) bool {
		if code := codeOf(err); code != "" {
			return slices.Contains(codes, code)
		}
		return slices.ContainsFunc(words, func(some string) bool { return strings.Contains(err.Error(), some) })
	}
	switch {
	case is(noTable, noTableWords):
		return ": are the tables there? Call Migrate first, with the same Config.Prefix"
	case is(noDialect, noDialectWords):
		return ": is Config.Dialect that of this database?"
	}
	return ""
}

// codeOf returns the SQLSTATE of a PostgreSQL error or the number of a MySQL
// error, and "" for SQLite. It imports no driver: PostgreSQL's have a method
// for the code, and MySQL's has the number in its text.
func codeOf(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if found := mysqlNumber.FindStringSubmatch(err.Error()); found != nil {
			return found[1]
		}
	}
	return ""
}
