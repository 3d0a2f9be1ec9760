package sqldb

import (
	"fmt"
	"strings"
	"time"
)

// Text returns a string as an argument, never NULL. In MySQL it is bytes, which
// compare without padding or character sets.
func Text[S ~string](d Dialect, s S) any {
	if d == MySQL {
		return []byte(s)
	}
	return string(s)
}

// Time scans a time column, which has microseconds. The zero time is NULL. The
// column is a TIMESTAMPTZ in PostgreSQL, a DATETIME(6) in UTC in MySQL (read it
// with [Dialect.Select]), and sortable TEXT of the same form in SQLite.
type Time time.Time

const timeForm = "2006-01-02 15:04:05.000000" // for the years 1 to 9999

// Every database can compare the times from firstTime to lastTime. MySQL and
// the TEXT of SQLite have none after it.
var (
	firstTime = time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC) // the first that is not the zero time
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
)

// Time returns a time as an argument. It replaces an earlier time than
// firstTime and a later one than lastTime with these.
func (d Dialect) Time(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case t.Before(firstTime):
		t = firstTime
	case t.After(lastTime):
		t = lastTime
	}
	micros := time.UnixMicro(t.UnixMicro()).UTC()
	if d == Postgres {
		return micros
	}
	return micros.Format(timeForm)
}

// Select returns a time column as it must appear in a SELECT list. In MySQL it
// is converted to text, because the driver would apply its own time zone
// setting.
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

// Marks returns n question marks, separated by commas.
func Marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
