package sqldb

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// prefixes matches prefixes that need no quoting in any database: a schema and
// a dot, the beginning of the table names, or both.
var prefixes = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_]*\.)?(?:[A-Za-z_][A-Za-z0-9_]*)?$`)

const maxName = 30 // bytes of each part, so that no name exceeds PostgreSQL's limit

// checkPrefix returns an error if a table name can't begin with the prefix.
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

// cutPrefix splits a prefix into the schema, which may be empty, and the
// beginning of the table names.
func cutPrefix(prefix string) (schema, begin string) {
	if schema, begin, ok := strings.Cut(prefix, "."); ok {
		return schema, begin
	}
	return "", prefix
}

// Query returns a statement in the database's syntax. It replaces {p} with the
// prefix, {i} with the prefix without its schema (for index names), the column
// types in braces, and question marks with placeholders.
func (d *DB) Query(text string) string { return d.Dialect.Rebind(d.names.Replace(text)) }

// names returns the replacements of [DB.Query]. A {text} column holds any text
// without a NUL, a {key} column can be part of a primary key, and a {time}
// column holds a [Time].
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
