package drivertest_test

import (
	"database/sql"
	"testing"

	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// TestCurrentSchemaNeedsNoCreatePrivilege checks that Migrate needs no
// privilege to create tables if the schema is current. Programs in production
// often lack it.
func TestCurrentSchemaNeedsNoCreatePrivilege(t *testing.T) {
	t.Parallel()
	role := randomName()
	for name, restricted := range map[string]func(t *testing.T) *sql.DB{
		"PostgreSQL": func(t *testing.T) *sql.DB {
			d := postgres.new(t)
			_ = d.store(t)
			administer(t, postgresAdmin, "CREATE ROLE "+role, "DROP ROLE "+role)
			administer(
				t, d.connect(t), "GRANT USAGE ON SCHEMA "+d.name+" TO "+role, "REVOKE ALL ON SCHEMA "+d.name+" FROM "+role,
			)
			administer(
				t, d.connect(t), "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "+d.name+" TO "+role,
				"REVOKE ALL ON ALL TABLES IN SCHEMA "+d.name+" FROM "+role,
			)
			db := d.connect(t)
			db.SetMaxOpenConns(1) // which then has that role
			_, err := db.ExecContext(t.Context(), "SET ROLE "+role)
			require.NoError(t, err)
			return db
		},
		"MariaDB": func(t *testing.T) *sql.DB {
			d := mariaDB.new(t)
			_ = d.store(t)
			user := "'" + role + "'@'%'"
			administer(t, mysqlAdmin, "CREATE USER "+user, "DROP USER "+user)
			administer(
				t, d.connect(t), "GRANT SELECT, INSERT, UPDATE, DELETE ON "+d.name+".* TO "+user,
				"REVOKE ALL ON "+d.name+".* FROM "+user,
			)
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
			require.NoError(t, newStore(db, map[string]sqlstore.Dialect{
				"PostgreSQL": sqlstore.Postgres, "MariaDB": sqlstore.MySQL,
			}[name]).Migrate(t.Context()))
		})
	}
}
