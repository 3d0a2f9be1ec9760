package drivertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// queryRecorder is a database that records the query and returns an error, except
// to the query for the realms.
type queryRecorder struct {
	query string
	args  []any
}

var errRecorded = errors.New("recorded")

func (o *queryRecorder) Connect(context.Context) (driver.Conn, error) { return o, nil }
func (o *queryRecorder) Driver() driver.Driver                        { return nil }
func (o *queryRecorder) Prepare(string) (driver.Stmt, error)          { return nil, errRecorded }
func (o *queryRecorder) Begin() (driver.Tx, error)                    { return nil, errRecorded }
func (o *queryRecorder) Close() error                                 { return nil }

func (o *queryRecorder) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if strings.HasPrefix(query, "SELECT DISTINCT realm ") {
		return &realms{left: []string{realm, "another"}}, nil
	}
	o.record(query, args)
	return nil, errRecorded
}

func (o *queryRecorder) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	o.record(query, args)
	return nil, errRecorded
}

func (o *queryRecorder) record(query string, args []driver.NamedValue) {
	o.query, o.args = query, nil
	for _, arg := range args {
		o.args = append(o.args, arg.Value)
	}
}

// realms are the rows that name them.
type realms struct{ left []string }

func (r *realms) Columns() []string { return []string{"realm"} }
func (r *realms) Close() error      { return nil }

func (r *realms) Next(row []driver.Value) error {
	if len(r.left) == 0 {
		return io.EOF
	}
	row[0], r.left = r.left[0], r.left[1:]
	return nil
}

// TestFrequentQueriesUseIndexes checks that pages and due purchases are found
// by an index, so that they stay fast after years of sales.
func TestFrequentQueriesUseIndexes(t *testing.T) {
	eachNew(t, withWAL, func(t *testing.T, d database) {
		db := d.connect(t)
		db.SetMaxOpenConns(1) // on which it is set how to plan
		store := d.store(t)
		for i := range 100 {
			p := purchase(i, ledger.Delivered)
			p.UserID, p.CreatedAt = fmt.Sprint("user ", i%40), ordered.Add(time.Duration(i)*20*time.Minute)
			p.GloebitID, p.Item, p.PaidAt = fmt.Sprint("account ", i%40), fmt.Sprint("item ", i%40), p.CreatedAt
			if i > 0 {
				p.NextAt = time.Time{}
			} else {
				p.ReportAt = ordered
				p.State = ledger.Settled
			}
			created(t, store, p)
		}
		multiply(t, db, "gloebit_purchases", "id", "-7000-", 20)
		for _, statement := range map[sqlstore.Dialect][]string{
			sqlstore.Postgres: {"ANALYZE gloebit_purchases", "SET enable_seqscan = off", "SET enable_bitmapscan = off"},
			sqlstore.MySQL:    {"ANALYZE TABLE gloebit_purchases"},
			sqlstore.SQLite:   {"ANALYZE"},
		}[d.dialect] {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		after := purchase(50, "")
		after.CreatedAt = ordered.Add(1000 * time.Minute)
		for index, q := range map[string]ledger.Query{
			"created_at": {},
			"user_id":    {UserID: "user 3"},
			"gloebit_id": {GloebitID: "account 3"},
			"item":       {Item: "item 3", States: []ledger.State{ledger.Delivered}},
			"state":      {States: []ledger.State{ledger.Settled}},
			"stuck_at":   {Stuck: true},
		} {
			q.Realm, q.Limit = realm, 10
			wantPlan(t, d, db, index, func(store *shopStore) { _, _ = store.List(t.Context(), q) })
			q.After = after.Cursor()
			wantPlan(t, d, db, index, func(store *shopStore) { _, _ = store.List(t.Context(), q) })
			q.OldestFirst = true
			wantPlan(t, d, db, index, func(store *shopStore) { _, _ = store.List(t.Context(), q) })
		}
		for index, q := range map[string]ledger.Query{
			"(state|next_at)":      {Realm: realm, States: []ledger.State{ledger.Created, ledger.Refused, ledger.Settled}},
			"(item|state|next_at)": {Realm: realm, Item: "item 3"},
		} {
			plan := planOf(t, d, db, func(store *shopStore) { _, _ = store.List(t.Context(), q) })
			used := regexp.MustCompile("gloebit_purchases_"+index).FindAllString(plan, -1) // the one with fewer rows
			require.GreaterOrEqual(t, len(used), 3, plan)
			require.NotContains(t, plan, "gloebit_purchases_created_at")
		}
		for _, by := range []ledger.Grouping{ledger.ByDay, ledger.ByItem} {
			plan := planOf(t, d, db, func(store *shopStore) {
				_, _ = store.Tally(t.Context(), realm, by, ordered, ordered.Add(time.Hour))
			})
			require.Contains(t, plan, "gloebit_purchases_paid_at")
			require.Regexp(t, "index only|using index|covering", plan)
		}
		wantPlan(t, d, db, "report_at", func(store *shopStore) {
			_, _ = store.ClaimUnreported(t.Context(), realm, ordered, ordered)
		})
		require.Contains(t, planOf(t, d, db, func(store *shopStore) {
			_, _ = store.Counts(t.Context(), ordered)
		}), "gloebit_purchases_report_at")
		if d.dialect == sqlstore.MySQL {
			require.Contains(
				t, planned(t, db, "EXPLAIN SELECT DISTINCT realm FROM gloebit_purchases", nil), "Using index for group-by",
			)
		}
		wantPlan(t, d, db, "next_at", func(store *shopStore) {
			_, _ = store.Claim(t.Context(), realm, ledger.Settled, ordered, ordered)
		})
	})
}

// TestPlansOfAnEmptyTable checks that a purchase is found by the primary key
// even if the statement is planned before the first purchase: PostgreSQL keeps
// that plan.
func TestPlansOfAnEmptyTable(t *testing.T) {
	eachNew(t, withWAL, func(t *testing.T, d database) {
		db := d.connect(t)
		d.store(t)
		got := planOf(t, d, db, func(store *shopStore) {
			_, _ = store.Get(t.Context(), connect.Key{Realm: realm, ID: "none"})
		})
		swapped := "" // in MySQL by a Change
		if d.dialect != sqlstore.MySQL {
			swapped = planOf(t, d, db, func(store *shopStore) {
				_, _, _ = store.CompareAndSwap(t.Context(), purchase(1, ledger.Created), purchase(1, ledger.Accepted))
			})
		}
		switch d.dialect {
		case sqlstore.Postgres:
			require.Contains(t, got, "gloebit_purchases_pkey")
			require.Contains(t, swapped, "gloebit_purchases_pkey")
		case sqlstore.MySQL:
			require.Contains(t, got, "const table") // one that has at most one row
		default:
			const byKey = "sqlite_autoindex_gloebit_purchases_1 (realm=? and id=?)"
			require.Contains(t, got, byKey)
			require.Contains(t, swapped, byKey)
		}
	})
}

// multiply makes n rows of each in a table. They differ in the key alone, where
// they have numbers in place of the part.
func multiply(t *testing.T, db *sql.DB, table, key, part string, n int) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table+" WHERE 1 = 0")
	require.NoError(t, err)
	columns, err := rows.Columns()
	require.NoError(t, errors.Join(err, rows.Close()))
	at := slices.Index(columns, key)
	into := strings.Join(columns, ", ")
	for i := range n - 1 {
		columns[at] = fmt.Sprintf("REPLACE(%s, '%s', '%d')", key, part, i)
		_, err := db.ExecContext(t.Context(), fmt.Sprintf(
			"INSERT INTO %s (%s) SELECT %s FROM %[1]s WHERE %[4]s LIKE '%%%[5]s%%'",
			table, into, strings.Join(columns, ", "), key, part,
		))
		require.NoError(t, err)
	}
}

// wantPlan fails unless the database reads the rows of a call from that index,
// in their order.
func wantPlan(t *testing.T, d database, db *sql.DB, index string, call func(store *shopStore)) {
	t.Helper()
	plan := planOf(t, d, db, call)
	require.Contains(t, plan, "gloebit_purchases_"+index)
	for _, sorted := range []string{"temp b-tree", "filesort", "sort key"} {
		if d.dialect == sqlstore.MySQL && index == "stuck_at" {
			continue // which has no index of some rows alone, and few that are stuck
		}
		require.NotContains(t, plan, sorted, index)
	}
}

// planOf is the plan of the query that a call asks, in lower case.
func planOf(t *testing.T, d database, db *sql.DB, call func(store *shopStore)) string {
	t.Helper()
	asked := &queryRecorder{}
	overhearing := sql.OpenDB(asked)
	defer overhearing.Close()
	call(newStore(overhearing, d.dialect))
	require.NotEmpty(t, asked.query)
	explain := map[sqlstore.Dialect]string{sqlstore.SQLite: "EXPLAIN QUERY PLAN "}[d.dialect]
	if explain == "" {
		explain = "EXPLAIN "
	}
	return strings.ToLower(planned(t, db, explain+asked.query, asked.args))
}

// planned is all that the database says of its plan.
func planned(t *testing.T, db *sql.DB, query string, args []any) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var plan strings.Builder
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		for i, column := range columns {
			if column != "possible_keys" { // what MySQL could have used
				fmt.Fprintln(&plan, column, values[i].String)
			}
		}
	}
	require.NoError(t, rows.Err())
	return plan.String()
}
