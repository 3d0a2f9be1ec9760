package drivertest_test

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// TestPurchasesAreDurable checks that commits of purchases wait for the disk,
// even if the server is set not to wait.
func TestPurchasesAreDurable(t *testing.T) {
	eachNew(t, servers[:1], func(t *testing.T, d database) {
		store := d.store(t)
		for setting, want := range map[string]string{"off": "on", "local": "on", "on": "on", "remote_apply": "remote_apply"} {
			db := d.connect(t)
			db.SetMaxOpenConns(1)
			_, err := db.ExecContext(t.Context(), "SET synchronous_commit = "+setting)
			require.NoError(t, err)
			for _, statement := range []string{
				"CREATE TABLE IF NOT EXISTS commits (setting TEXT)", "DELETE FROM commits", "DELETE FROM gloebit_purchases",
				"CREATE OR REPLACE FUNCTION noting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " +
					"INSERT INTO commits VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$",
				"CREATE OR REPLACE TRIGGER noting AFTER INSERT OR UPDATE ON gloebit_purchases FOR EACH ROW EXECUTE FUNCTION " +
					"noting()",
			} {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			shop := newStore(db, d.dialect)
			created(t, shop, purchase(1, ledger.Created))
			_, err = shop.Change(t.Context(), purchase(1, "").StoreKey(), func(
				ctx context.Context, p ledger.Purchase,
			) (ledger.Purchase, error) {
				var now string
				tx, _ := sqlledger.Tx(ctx)
				require.NoError(t, tx.QueryRowContext(ctx, "SHOW synchronous_commit").Scan(&now))
				require.Equal(t, want, now)
				return p, nil
			})
			require.NoError(t, err)
			_, err = swapped(t.Context(), shop, shop, purchase(1, "").StoreKey())
			require.NoError(t, err)
			var all string
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT string_agg(setting, ' ') FROM commits").Scan(&all))
			require.Equal(t, want+" "+want+" "+want, all, "Create, Change and CompareAndSwap with %s", setting)
			require.NoError(t, db.QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&all))
			require.Equal(t, setting, all, "the session's own setting stays")
			_, err = db.ExecContext(t.Context(), "DROP TRIGGER noting ON gloebit_purchases")
			require.NoError(t, err)
		}
		_ = store
	})
}

// documented returns the statements of docs/ledger.md, in order.
func documented(t *testing.T, d database) (statements []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/ledger.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "### In SQL\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	for {
		_, rest, found := strings.Cut(section, "```sql\n")
		if !found {
			return statements
		}
		statement, after, _ := strings.Cut(rest, "```")
		section = after
		if d.dialect == sqlstore.MySQL {
			statement = strings.Replace(statement, "FROM gloebit_purchases ", "FROM gloebit_purchases_text ", 1)
			statement = strings.Replace(statement, "FROM gloebit_purchases\n", "FROM gloebit_purchases_text\n", 1)
		}
		statements = append(statements, strings.TrimSuffix(strings.TrimSpace(statement), ";"))
	}
}

func TestDocumentedSQL(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		shop := newStore(db, d.dialect)
		require.NoError(t, shop.Migrate(t.Context()))
		const mine = "www.gloebit.com/my-client-id"
		for i, state := range []ledger.State{
			ledger.Delivered, ledger.Delivered, ledger.Settled, ledger.Accepted, ledger.Refused, ledger.Created,
		} {
			p := purchase(i, state)
			p.Realm, p.UserID = mine, []string{"alice", "bob"}[i%2]
			p.CreatedAt = ordered.Add(time.Duration(i) * time.Hour)
			if p.Paid() {
				p.PaidAt = ordered.Add(time.Duration(i) * 12 * time.Hour)
			}
			if state == ledger.Accepted {
				p.StuckAt = ordered
			}
			if state == ledger.Delivered {
				p.Changes, p.ReportAt = 1, ordered
			}
			created(t, shop, p)
		}
		other := purchase(9, ledger.Reserved)
		other.Realm = "www.gloebit.com/old-client-id"
		created(t, shop, other)
		statements := documented(t, d)
		require.Len(t, statements, 5)
		for i, statement := range statements {
			rows := asked(t, db, statement)
			switch i {
			case 0:
				require.Len(t, rows, 2)
				require.Contains(t, rows[0], "2026-02-03")
				require.Contains(t, rows[0], "|2|20")
				require.Contains(t, rows[1], "|1|10")
			case 1:
				require.Len(t, rows, 3, "alice's")
				require.Contains(t, rows[0], "|hat|1|10|refused")
				require.Contains(t, rows[2], "|hat|1|10|delivered")
			case 2:
				require.Len(t, rows, 2)
				require.Contains(t, rows[0], "|alice|hat|10|settled|")
				require.Contains(t, rows[1], "|bob|hat|10|accepted|")
			case 3:
				require.NotEmpty(t, rows)
				for _, row := range rows {
					require.Contains(t, row, "|delivered|")
				}
			case 4:
				require.ElementsMatch(
					t, []string{mine + "|created|1", mine + "|accepted|1", mine + "|settled|1", other.Realm + "|reserved|1"}, rows,
				)
			}
		}
	})
}

// asked are the rows of a query, as a client shows them.
func asked(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		var row []string
		for _, value := range values {
			row = append(row, value.String)
		}
		all = append(all, strings.Join(row, "|"))
	}
	require.NoError(t, rows.Err())
	return all
}
