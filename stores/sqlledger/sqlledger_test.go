package sqlledger_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

var dialects = []sqlstore.Dialect{sqlstore.Postgres, sqlstore.MySQL, sqlstore.SQLite}

// refusing is a database that can't be reached.
type refusing struct{}

var errRefused = errors.New("refused")

func (refusing) Connect(context.Context) (driver.Conn, error) { return nil, errRefused }
func (refusing) Driver() driver.Driver                        { return nil }

func TestEveryMethodReturnsDatabaseError(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect.String(), func(t *testing.T) {
			db := sql.OpenDB(refusing{})
			defer db.Close()
			store, ctx := newStore(t, db, dialect), t.Context()
			require.ErrorIs(t, store.Migrate(ctx), errRefused)
			p := ledger.Purchase{
				Realm: "r", ID: "p", UserID: "u", Order: ledger.Order{IdempotencyKey: "key"}, State: ledger.Created,
			}
			_, _, err := store.Create(ctx, p)
			require.ErrorIs(t, err, errRefused)
			require.ErrorContains(t, err, "sqlledger: ")
			_, err = store.Get(ctx, p.StoreKey())
			require.ErrorIs(t, err, errRefused)
			_, err = store.Change(ctx, p.StoreKey(), nil)
			require.ErrorIs(t, err, errRefused)
			_, err = store.Claim(ctx, "r", ledger.Created, time.Now(), time.Now())
			require.ErrorIs(t, err, errRefused)
			_, err = store.List(ctx, ledger.Query{Realm: "r"})
			require.ErrorIs(t, err, errRefused)
			_, err = store.Counts(ctx, time.Now())
			require.ErrorIs(t, err, errRefused)
		})
	}
}

func newStore(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) *sqlledger.Store {
	t.Helper()
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: dialect})
	require.NoError(t, err)
	return sqlledger.New(store)
}

func TestNewPanicsWithoutAStore(t *testing.T) {
	require.PanicsWithValue(t, "sqlledger: the sqlstore.Store is nil", func() { sqlledger.New(nil) })
}

func TestSchemaStepsRecordTheirVersion(t *testing.T) {
	db := sql.OpenDB(refusing{})
	defer db.Close()
	for _, dialect := range dialects {
		for i, step := range newStore(t, db, dialect).Schema() {
			require.Equal(t, i+1, step.Version)
			last := step.Statements[len(step.Statements)-1]
			require.True(t, strings.HasPrefix(last, "INSERT INTO gloebit_ledger_schema"))
		}
	}
}
