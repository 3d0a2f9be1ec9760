package sqldb

import (
	"errors"
	"slices"
	"strings"
)

// What the words of a failure are about. Statements of these packages that
// another database does not understand contain its syntax errors, and names of
// functions and types that it lacks.
var (
	noTable   = []string{"42P01", "3F000", "1146"}
	noDialect = []string{"42601", "42883", "42704", "42P02", "42P18", "1064", "1305"}

	noTableWords   = []string{"no such table"}
	noDialectWords = []string{"syntax error", "no such function", "unrecognized token"}
)

// advice names the setting that a failure of the database is about. It is empty
// for most failures.
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

// codeOf returns the SQLSTATE of PostgreSQL's drivers or the number of MySQL's,
// and "" for those of SQLite. The drivers are not imported: PostgreSQL's have a
// method for the code, and MySQL's has it in its words.
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
