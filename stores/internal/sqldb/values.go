package sqldb

import (
	"database/sql"
	"strings"
	"time"
)

// Strings are kept as bytes, so that no collation, character set or padding of
// the database makes two of them one or changes them; times as microseconds of
// the Unix time.

// Stored is a string as the database gets it: never NULL.
func Stored[S ~string](s S) []byte { return append([]byte{}, s...) }

// StoredTime is a time as the database gets it; the zero time is NULL.
func StoredTime(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// ReadTime is the time that StoredTime stored.
func ReadTime(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}

// Marks are n question marks for a list of values.
func Marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
