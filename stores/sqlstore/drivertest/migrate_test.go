package drivertest_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// The version before knew no GloebitID, and may run beside this one for a while.
func TestMigrateFromTheSecondVersionKeepsPurchases(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		exec := func(statement string) {
			t.Helper()
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		for _, step := range sqlstore.Schema(d.dialect)[:2] {
			for _, statement := range step.Statements {
				exec(statement)
			}
		}
		was, now := purchase(1, ledger.Settled), purchase(2, ledger.Settled)
		text := "'%%s'"
		if d.dialect == sqlstore.SQLite { // to which a text is no bytes
			text = "CAST('%%s' AS BLOB)"
		}
		insert := fmt.Sprintf("INSERT INTO gloebit_purchases (id, user_id, order_key, state, created_at, next_at, purchase) "+
			"VALUES ("+text+", 'u', '', 'settled', %d, %d, '{\"item\":\"hat\",\"price\":10}')", ordered.UnixMicro(), ordered.UnixMicro())
		exec(fmt.Sprintf(insert, was.ID))

		store := sqlstore.New(db, d.dialect)
		for range 2 {
			require.NoError(t, store.Migrate(t.Context()))
		}
		p, err := store.Change(t.Context(), was.ID, moving)
		require.NoError(t, err)
		require.Equal(t, "hat", p.Item)
		require.Empty(t, p.GloebitID)

		now.GloebitID = "g-1"
		created(t, store, now)
		exec("UPDATE gloebit_purchases SET purchase = '{\"item\":\"hat\"}' WHERE gloebit_id IS NOT NULL") // as that version saves it
		exec(fmt.Sprintf(insert, purchase(3, "").ID))                                                     // as it makes one
		p, err = store.Get(t.Context(), now.ID)
		require.NoError(t, err)
		require.Equal(t, "g-1", p.GloebitID)
		p, err = store.Get(t.Context(), purchase(3, "").ID)
		require.NoError(t, err)
		require.Empty(t, p.GloebitID)
	})
}

// A step that stopped after its first statement is gone on from, also where a
// column can't be added unless it is not there.
func TestMigrateGoesOnAfterAColumnThatIsThere(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		for _, step := range sqlstore.Schema(d.dialect) {
			for i, statement := range step.Statements {
				if step.Version < 3 || i == 0 {
					_, err := db.ExecContext(t.Context(), statement)
					require.NoError(t, err)
				}
			}
		}
		store := sqlstore.New(db, d.dialect)
		require.NoError(t, store.Migrate(t.Context()))
		var version int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT MAX(version) FROM gloebit_schema").Scan(&version))
		require.Equal(t, 3, version)
		created(t, store, purchase(1, ledger.Created))
	})
}

// In production a program often has no right to make tables: another does.
func TestMigrateOfASchemaThatIsUpToDateTakesNoRightToMakeTables(t *testing.T) {
	t.Parallel()
	role := randomName()
	for name, restricted := range map[string]func(t *testing.T) *sql.DB{
		"SQLite": func(t *testing.T) *sql.DB {
			path := filepath.Join(t.TempDir(), "gloebit.db")
			_ = sqliteAt("file:" + path).store(t)
			return sqliteAt("file:" + path + "?mode=ro").connect(t)
		},
		"PostgreSQL": func(t *testing.T) *sql.DB {
			d := servers[0].make(t)
			_ = d.store(t)
			administer(t, stdlib.OpenDB(*postgresConfig()), "CREATE ROLE "+role, "DROP ROLE "+role)
			administer(t, d.connect(t), "GRANT USAGE ON SCHEMA "+d.name+" TO "+role, "REVOKE ALL ON SCHEMA "+d.name+" FROM "+role)
			administer(t, d.connect(t), "GRANT SELECT ON ALL TABLES IN SCHEMA "+d.name+" TO "+role, "REVOKE ALL ON ALL TABLES IN SCHEMA "+d.name+" FROM "+role)
			db := d.connect(t)
			db.SetMaxOpenConns(1) // which then has that role
			_, err := db.ExecContext(t.Context(), "SET ROLE "+role)
			require.NoError(t, err)
			return db
		},
		"MariaDB": func(t *testing.T) *sql.DB {
			d := servers[1].make(t)
			_ = d.store(t)
			user := "'" + role + "'@'%'"
			administer(t, openMySQL(mysqlConfig()), "CREATE USER "+user, "DROP USER "+user)
			administer(t, d.connect(t), "GRANT SELECT ON "+d.name+".* TO "+user, "REVOKE ALL ON "+d.name+".* FROM "+user)
			config := mysqlConfig()
			config.User, config.Passwd, config.DBName = role, "", d.name
			db := openMySQL(config)
			t.Cleanup(func() { _ = db.Close() })
			return db
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := restricted(t)
			_, err := db.ExecContext(t.Context(), "CREATE TABLE gloebit_more (id INTEGER)")
			require.Error(t, err, "it has no such right")
			require.NoError(t, sqlstore.New(db, map[string]sqlstore.Dialect{
				"SQLite": sqlstore.SQLite, "PostgreSQL": sqlstore.Postgres, "MariaDB": sqlstore.MySQL,
			}[name]).Migrate(t.Context()))
		})
	}
}
