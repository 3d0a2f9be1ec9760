package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
)

// statement is a statement that was run.
type statement struct {
	query string
	args  []any
	rows  bool // it was a query
}

// rowValue is an argument that came from a row of an earlier statement, such as
// the transaction ID. Replaying uses the value of the new row.
type rowValue struct{ statement, column int }

// recording is the statements of a piece of work, in their order. Replaying
// them is the same work without the code around it.
type recording []statement

// record calls do with its own pool, and returns the statements that it ran.
func (d *database) record(do func(*sql.DB) error) (recording, error) {
	r := &recorder{Connector: d.connector, origins: map[int64]rowValue{}}
	db := pool(r)
	err := errors.Join(do(db), db.Close())
	return r.recording, err
}

// with returns the recording with replaced arguments: pairs of old and new.
func (t recording) with(words ...string) recording {
	replacer := strings.NewReplacer(words...)
	other := make(recording, len(t))
	for i, s := range t {
		other[i] = statement{query: s.query, rows: s.rows, args: make([]any, len(s.args))}
		for j, arg := range s.args {
			switch arg := arg.(type) {
			case string:
				other[i].args[j] = replacer.Replace(arg)
			case []byte:
				other[i].args[j] = []byte(replacer.Replace(string(arg)))
			default:
				other[i].args[j] = arg
			}
		}
	}
	return other
}

// replay runs the statements on a connection, once, and reads all rows.
func (t recording) replay(ctx context.Context, conn *sql.Conn) error {
	last := make([][]any, len(t)) // last row of each statement
	for i, s := range t {
		for j, arg := range s.args {
			if from, ok := arg.(rowValue); ok {
				s.args[j] = *last[from.statement][from.column].(*any)
			}
		}
		if !s.rows {
			if _, err := conn.ExecContext(ctx, s.query, s.args...); err != nil {
				return err
			}
			continue
		}
		rows, err := conn.QueryContext(ctx, s.query, s.args...)
		if err != nil {
			return err
		}
		if last[i], err = readAll(rows); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads all rows and returns the last.
func readAll(rows *sql.Rows) (last []any, err error) {
	columns, err := rows.Columns()
	last = make([]any, len(columns))
	for i := range last {
		last[i] = new(any)
	}
	for err == nil && rows.Next() {
		err = rows.Scan(last...)
	}
	return last, errors.Join(err, rows.Err(), rows.Close())
}

// recorder is a driver that records statements.
type recorder struct {
	driver.Connector
	mu        sync.Mutex
	recording recording
	origins   map[int64]rowValue // by their value
}

// Connect implements [driver.Connector].
func (r *recorder) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return recordedConn{conn, r}, nil
}

// add records a statement, and returns its index.
func (r *recorder) add(query string, args []driver.NamedValue, rows bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := statement{query: query, rows: rows}
	for _, arg := range args {
		value := any(arg.Value)
		if number, ok := value.(int64); ok {
			if from, ok := r.origins[number]; ok {
				value = from
			}
		}
		s.args = append(s.args, value)
	}
	r.recording = append(r.recording, s)
	return len(r.recording) - 1
}

// noteRow records where the integers of a row came from.
func (r *recorder) noteRow(statement int, row []driver.Value) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for column, value := range row {
		if number, ok := value.(int64); ok {
			r.origins[number] = rowValue{statement, column}
		}
	}
}

// recordedConn is a connection of a recorder. The drivers here run statements
// without preparing them through database/sql.
type recordedConn struct {
	driver.Conn
	recorder *recorder
}

// ExecContext implements [driver.ExecerContext].
func (c recordedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.recorder.add(query, args, false)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

// QueryContext implements [driver.QueryerContext].
func (c recordedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	place := c.recorder.add(query, args, true)
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return recordedRows{rows, c.recorder, place}, nil
}

// recordedRows passes its rows to the recorder.
type recordedRows struct {
	driver.Rows
	recorder  *recorder
	statement int
}

// Next implements [driver.Rows].
func (s recordedRows) Next(row []driver.Value) error {
	err := s.Rows.Next(row)
	if err == nil {
		s.recorder.noteRow(s.statement, row)
	}
	return err
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (c recordedConn) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}
