package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

var dialects = []sqlstore.Dialect{sqlstore.Postgres, sqlstore.MySQL, sqlstore.SQLite}

// refusing is a database that can't be reached.
type refusing struct{}

var errRefused = errors.New("refused")

func (refusing) Connect(context.Context) (driver.Conn, error) { return nil, errRefused }
func (refusing) Driver() driver.Driver                        { return nil }

func TestADatabaseThatRefusesIsAnErrorOfEveryMethod(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect.String(), func(t *testing.T) {
			db := sql.OpenDB(refusing{})
			defer db.Close()
			store, ctx := sqlstore.New(db, dialect), t.Context()
			_, err := store.Load(ctx, at("u"))
			require.ErrorIs(t, err, errRefused)
			_, err = store.Take(ctx, at("key"))
			require.ErrorIs(t, err, errRefused)
			_, err = store.Sweep(ctx)
			require.ErrorIs(t, err, errRefused)
			require.ErrorIs(t, store.Delete(ctx, at("u")), errRefused)
			require.ErrorIs(t, store.Put(ctx, at("key"), gloebit.PendingConnection{}), errRefused)
			require.ErrorIs(t, store.Migrate(ctx), errRefused)
			for _, err := range store.UserIDs(ctx, realm) {
				require.ErrorIs(t, err, errRefused)
			}
		})
	}
}

func TestWhatIsNoDatabaseAndNoDialectIsRefusedAtOnce(t *testing.T) {
	db := sql.OpenDB(refusing{})
	defer db.Close()
	require.PanicsWithValue(t, "sqlstore: the database is nil", func() { sqlstore.New(nil, sqlstore.Postgres) })
	for _, dialect := range []sqlstore.Dialect{0, -1, 4} {
		require.Panics(t, func() { sqlstore.New(db, dialect) })
		require.Panics(t, func() { sqlstore.Schema(dialect) })
	}
}

func TestDialectsHaveNames(t *testing.T) {
	require.Equal(t, "PostgreSQL", sqlstore.Postgres.String())
	require.Equal(t, "MySQL", sqlstore.MySQL.String())
	require.Equal(t, "SQLite", sqlstore.SQLite.String())
	require.Equal(t, "Dialect(7)", sqlstore.Dialect(7).String())
}

func TestStepsOfTheSchemaAreNumberedAndEndWithTheirVersion(t *testing.T) {
	for _, dialect := range dialects {
		for i, step := range sqlstore.Schema(dialect) {
			require.Equal(t, i+1, step.Version)
			require.True(t, strings.HasPrefix(step.Statements[len(step.Statements)-1], "INSERT INTO gloebit_schema"))
		}
	}
}
