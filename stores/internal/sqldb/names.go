package sqldb

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// prefixes are those that no database wants quoted: a schema and a dot, the
// beginning of the tables' names, or both.
var prefixes = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_]*\.)?(?:[A-Za-z_][A-Za-z0-9_]*)?$`)

const maxName = 30 // bytes of each part, so that no name is longer than PostgreSQL takes

// checkPrefix returns an error for a prefix that can't begin the name of a table.
func checkPrefix(dialect Dialect, prefix string) error {
	if !prefixes.MatchString(prefix) {
		return fmt.Errorf(
			"%.80q has other characters than ASCII letters, digits, underscores and one dot, or begins with a digit", prefix,
		)
	}
	schema, begin := cutPrefix(prefix)
	switch {
	case len(schema) > maxName || len(begin) > maxName:
		return fmt.Errorf("%.80q has a part of more than %d characters", prefix, maxName)
	case schema != "" && dialect == SQLite:
		return errors.New("SQLite has no schemas: use an underscore instead of the dot")
	}
	return nil
}

// cutPrefix parts a prefix into the schema, which may be empty, and how names of
// tables begin in it.
func cutPrefix(prefix string) (schema, begin string) {
	if schema, begin, ok := strings.Cut(prefix, "."); ok {
		return schema, begin
	}
	return "", prefix
}

// Query writes a statement as the database wants it: with the store's prefix for
// {p}, the prefix without its schema for {i}, for the names of indexes, the types
// of columns in braces, and its marks for question marks.
func (d *DB) Query(text string) string { return d.Dialect.Rebind(d.names.Replace(text)) }

// names are the replacements of [DB.Query]. Text is any text without a NUL, a key
// is text that can be a primary key, and time is a [Time].
func names(dialect Dialect, prefix string) *strings.Replacer {
	_, begin := cutPrefix(prefix)
	pairs := []string{"{p}", prefix, "{i}", begin}
	switch dialect {
	case Postgres:
		pairs = append(pairs, "{key128}", `TEXT COLLATE "C"`, "{key255}", `TEXT COLLATE "C"`, "{text}", `TEXT COLLATE "C"`,
			"{time}", "TIMESTAMPTZ", "{engine}", "")
	case MySQL:
		pairs = append(pairs, "{key128}", "VARBINARY(128)", "{key255}", "VARBINARY(255)", "{text}", "MEDIUMBLOB",
			"{time}", "DATETIME(6)", "{engine}", " ENGINE=InnoDB")

	default:
		pairs = append(pairs, "{key128}", "TEXT", "{key255}", "TEXT", "{text}", "TEXT", "{time}", "TEXT", "{engine}", "")
	}
	return strings.NewReplacer(pairs...)
}
