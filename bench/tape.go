package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
)

// statement is one that was run.
type statement struct {
	query string
	args  []any
	rows  bool // it was asked for rows
}

// held is an argument that a row of an earlier statement held, such as the id of
// the transaction: played again, it is what the row holds then.
type held struct{ statement, column int }

// tape is what a piece of work ran, in its order. Played again it is the same
// work without the code around it.
type tape []statement

// record does something on a pool of its own and returns what was run there.
func (d *database) record(do func(*sql.DB) error) (tape, error) {
	r := &recorder{Connector: d.connector, seen: map[int64]held{}}
	db := pool(r)
	err := errors.Join(do(db), db.Close())
	return r.tape, err
}

// with is the tape with other words in the arguments: pairs of old and new.
func (t tape) with(words ...string) tape {
	replacer := strings.NewReplacer(words...)
	other := make(tape, len(t))
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

// play runs the statements on a connection, once, and reads all rows.
func (t tape) play(ctx context.Context, conn *sql.Conn) error {
	last := make([][]any, len(t)) // rows
	for i, s := range t {
		for j, arg := range s.args {
			if from, ok := arg.(held); ok {
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

// recorder is a driver that writes down what is run.
type recorder struct {
	driver.Connector
	mu   sync.Mutex
	tape tape
	seen map[int64]held // in rows
}

// Connect implements [driver.Connector].
func (r *recorder) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return recorded{conn, r}, nil
}

// add writes a statement down, and returns its place on the tape.
func (r *recorder) add(query string, args []driver.NamedValue, rows bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := statement{query: query, rows: rows}
	for _, arg := range args {
		value := any(arg.Value)
		if number, ok := value.(int64); ok {
			if from, ok := r.seen[number]; ok {
				value = from
			}
		}
		s.args = append(s.args, value)
	}
	r.tape = append(r.tape, s)
	return len(r.tape) - 1
}

// see notes what a row holds.
func (r *recorder) see(statement int, row []driver.Value) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for column, value := range row {
		if number, ok := value.(int64); ok {
			r.seen[number] = held{statement, column}
		}
	}
}

// recorded is a connection of a recorder's. The drivers here run statements
// without preparing them through database/sql.
type recorded struct {
	driver.Conn
	recorder *recorder
}

// ExecContext implements [driver.ExecerContext].
func (c recorded) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.recorder.add(query, args, false)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

// QueryContext implements [driver.QueryerContext].
func (c recorded) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	place := c.recorder.add(query, args, true)
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return seen{rows, c.recorder, place}, nil
}

// seen are rows of which the recorder learns what they hold.
type seen struct {
	driver.Rows
	recorder  *recorder
	statement int
}

// Next implements [driver.Rows].
func (s seen) Next(row []driver.Value) error {
	err := s.Rows.Next(row)
	if err == nil {
		s.recorder.see(s.statement, row)
	}
	return err
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (c recorded) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}
