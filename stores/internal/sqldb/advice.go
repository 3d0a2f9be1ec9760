package sqldb

import (
	"cmp"
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
	state, number := codes(err)
	is := func(codes, words []string) bool {
		if code := cmp.Or(state, number); code != "" {
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
