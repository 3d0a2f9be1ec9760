package sqldb

import (
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Text is a string as the database gets it: never NULL. MySQL has it as bytes,
// whose comparison knows no padding and no character set.
func Text[S ~string](d Dialect, s S) any {
	if d == MySQL {
		return []byte(s)
	}
	return string(s)
}

// Time is a time as a database keeps it, to the microsecond. The zero time is
// NULL. PostgreSQL has a TIMESTAMPTZ. MySQL has a DATETIME(6) in UTC, to be read
// as Select says, and SQLite a TEXT of the same form, which sorts.
type Time time.Time

const timeForm = "2006-01-02 15:04:05.000000" // of the years 1 to 9999

// Time is a time as an argument of a statement.
func (d Dialect) Time(t time.Time) any {
	switch micros := time.UnixMicro(t.UnixMicro()).UTC(); {
	case t.IsZero():
		return nil
	case d == Postgres:
		return micros
	default:
		return micros.Format(timeForm)
	}
}

// Select is a column of times in a list of what is selected: as text in MySQL,
// or its driver would take it for a time in the zone of its own settings.
func (d Dialect) Select(column string) string {
	if d == MySQL {
		return "CAST(" + column + " AS CHAR)"
	}
	return column
}

// Scan implements [sql.Scanner].
func (t *Time) Scan(value any) (err error) {
	var at time.Time
	switch v := value.(type) {
	case nil:
	case time.Time:
		at = v.UTC()
	case string:
		at, err = time.Parse(timeForm, v)
	case []byte:
		at, err = time.Parse(timeForm, string(v))
	default:
		err = fmt.Errorf("a time came as %T", value)
	}
	*t = Time(at)
	return err
}

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
