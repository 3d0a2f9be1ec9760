package sqlstore

import (
	"database/sql"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit"
)

// Strings are kept as bytes, so that no collation, character set or padding of
// the database makes two of them one or changes them; times as microseconds of
// the Unix time; lists of scopes as RFC 6749 section 3.3 writes them.

// stored is a string as the database gets it: never NULL.
func stored[S ~string](s S) []byte { return append([]byte{}, s...) }

// storedTime is a time as the database gets it; the zero time is NULL.
func storedTime(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func readTime(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}

func storedScopes(scopes []gloebit.Scope) []byte {
	var list []byte
	for i, scope := range scopes {
		if i > 0 {
			list = append(list, ' ')
		}
		list = append(list, scope...)
	}
	return stored(string(list))
}

func readScopes(list []byte) []gloebit.Scope {
	if len(list) == 0 {
		return nil
	}
	var scopes []gloebit.Scope
	for scope := range strings.SplitSeq(string(list), " ") {
		scopes = append(scopes, gloebit.Scope(scope))
	}
	return scopes
}

// marks are n question marks for a list of values.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// toAny makes byte strings arguments.
func toAny(keys [][]byte) []any {
	args := make([]any, len(keys))
	for i, key := range keys {
		args[i] = key
	}
	return args
}
