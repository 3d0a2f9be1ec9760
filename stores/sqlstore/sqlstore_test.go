package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
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
			store, ctx := newStore(t, sqlstore.Config{DB: db, Dialect: dialect}), t.Context()
			_, err := store.Load(ctx, at("u"))
			require.ErrorIs(t, err, errRefused)
			_, err = store.Take(ctx, at("key"))
			require.ErrorIs(t, err, errRefused)
			_, err = store.Sweep(ctx)
			require.ErrorIs(t, err, errRefused)
			require.ErrorIs(t, store.Delete(ctx, at("u")), errRefused)
			require.ErrorIs(t, store.Put(ctx, at("key"), connect.PendingConnection{}), errRefused)
			require.ErrorIs(t, store.Migrate(ctx), errRefused)
			for _, err := range store.UserIDs(ctx, realm) {
				require.ErrorIs(t, err, errRefused)
			}
		})
	}
}

func newStore(t *testing.T, config sqlstore.Config) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(config)
	require.NoError(t, err)
	return store
}

func TestConfigsThatNewRefuses(t *testing.T) {
	db := sql.OpenDB(refusing{})
	defer db.Close()
	for name, c := range map[string]struct {
		config sqlstore.Config
		field  string
	}{
		"no database":              {sqlstore.Config{Dialect: sqlstore.SQLite}, "DB"},
		"no dialect":               {sqlstore.Config{DB: db}, "Dialect"},
		"an unknown dialect":       {sqlstore.Config{DB: db, Dialect: 4}, "Dialect"},
		"a dialect below zero":     {sqlstore.Config{DB: db, Dialect: -1}, "Dialect"},
		"a schema in SQLite":       {sqlstore.Config{DB: db, Dialect: sqlstore.SQLite, Prefix: "shop."}, "Prefix"},
		"two dots":                 {sqlstore.Config{DB: db, Dialect: sqlstore.Postgres, Prefix: "a.b."}, "Prefix"},
		"a dot and nothing before": {sqlstore.Config{DB: db, Dialect: sqlstore.Postgres, Prefix: "."}, "Prefix"},
		"a digit at the beginning": {sqlstore.Config{DB: db, Dialect: sqlstore.Postgres, Prefix: "1_"}, "Prefix"},
		"a digit after the dot":    {sqlstore.Config{DB: db, Dialect: sqlstore.Postgres, Prefix: "a.1_"}, "Prefix"},
		"a hyphen":                 {sqlstore.Config{DB: db, Dialect: sqlstore.MySQL, Prefix: "shop-"}, "Prefix"},
		"a space":                  {sqlstore.Config{DB: db, Dialect: sqlstore.MySQL, Prefix: "shop "}, "Prefix"},
		"a newline":                {sqlstore.Config{DB: db, Dialect: sqlstore.MySQL, Prefix: "shop\n"}, "Prefix"},
		"a quotation mark":         {sqlstore.Config{DB: db, Dialect: sqlstore.MySQL, Prefix: "shop`"}, "Prefix"},
		"a statement": {
			sqlstore.Config{DB: db, Dialect: sqlstore.SQLite, Prefix: "x; DROP TABLE y; --"}, "Prefix",
		},
		"letters that aren't ASCII": {sqlstore.Config{DB: db, Dialect: sqlstore.Postgres, Prefix: "caf\u00e9_"}, "Prefix"},
		"a part that is too long": {
			sqlstore.Config{DB: db, Dialect: sqlstore.Postgres, Prefix: strings.Repeat("p", 31)}, "Prefix",
		},
		"a schema that is too long": {
			sqlstore.Config{DB: db, Dialect: sqlstore.Postgres, Prefix: strings.Repeat("p", 31) + "."}, "Prefix",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sqlstore.New(c.config)
			require.ErrorContains(t, err, "sqlstore: Config."+c.field)
		})
	}
	_, err := sqlstore.New(sqlstore.Config{Prefix: "-"})
	for _, field := range []string{"DB", "Dialect", "Prefix"} {
		require.ErrorContains(t, err, "Config."+field, "every field is named")
	}
}

func TestPrefixesBeginEveryTable(t *testing.T) {
	db := sql.OpenDB(refusing{})
	defer db.Close()
	for _, prefix := range []string{
		"", "shop_", "shop.", "shop.pay_", "_.S1", strings.Repeat("p", 30) + "." + strings.Repeat("q", 30),
	} {
		for _, dialect := range []sqlstore.Dialect{sqlstore.Postgres, sqlstore.MySQL} {
			for _, step := range newStore(t, sqlstore.Config{DB: db, Dialect: dialect, Prefix: prefix}).Schema() {
				for _, statement := range step.Statements {
					require.Contains(t, statement, " "+prefix+"oauth_")
					require.NotContains(t, statement, "{", "an unreplaced placeholder")
				}
			}
		}
	}
}

func TestDialectsHaveNames(t *testing.T) {
	require.Equal(t, "PostgreSQL", sqlstore.Postgres.String())
	require.Equal(t, "MySQL", sqlstore.MySQL.String())
	require.Equal(t, "SQLite", sqlstore.SQLite.String())
	require.Equal(t, "Dialect(7)", sqlstore.Dialect(7).String())
}

func TestSchemaStepsRecordTheirVersion(t *testing.T) {
	db := sql.OpenDB(refusing{})
	defer db.Close()
	for _, dialect := range dialects {
		for i, step := range newStore(t, sqlstore.Config{DB: db, Dialect: dialect}).Schema() {
			require.Equal(t, i+1, step.Version)
			require.True(t, strings.HasPrefix(step.Statements[len(step.Statements)-1], "INSERT INTO oauth_schema"))
		}
	}
}
