package drivertest_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

func TestMigrateNamesTheSettingOfSQLite(t *testing.T) {
	open := func(name string, most int) error {
		db := must(sql.Open("sqlite", name))
		defer db.Close()
		db.SetMaxOpenConns(most)
		return newStore(db, sqlstore.SQLite).Migrate(t.Context())
	}
	require.ErrorContains(t, open(":memory:", 0), "SetMaxOpenConns(1)")
	require.ErrorContains(t, open("file::memory:", 3), "SetMaxOpenConns(1)")
	require.NoError(t, open(":memory:", 1))
	require.NoError(t, open("file:shared?mode=memory&cache=shared", 3))

	file := "file:" + (&url.URL{Path: filepath.Join(t.TempDir(), "gloebit.db")}).EscapedPath()
	require.NoError(t, open(file, 3))
	require.NoError(t, open(file, 3), "again")
	require.ErrorContains(t, open(file+"?mode=ro", 3), "can only be read")
	require.ErrorContains(t, open(file+"?_pragma=query_only(1)", 3), "can only be read")
}

func TestMigrateNamesTheSettingOfServers(t *testing.T) {
	eachNew(t, servers, func(t *testing.T, d database) {
		d.store(t)
		reader := readerOf(t, d)
		require.ErrorContains(
			t, newStore(reader, d.dialect).Migrate(t.Context()), "grant it SELECT, INSERT, UPDATE and DELETE",
		)
		if d.dialect == sqlstore.MySQL {
			off := limited(t, d, nil, map[string]string{"autocommit": "0"})
			require.ErrorContains(t, newStore(off, d.dialect).Migrate(t.Context()), "autocommit=0")
			chain := limited(t, d, nil, map[string]string{"completion_type": "1"})
			require.ErrorContains(t, newStore(chain, d.dialect).Migrate(t.Context()), "completion_type")
			read := limited(t, d, nil, map[string]string{"tx_read_only": "1"})
			require.ErrorContains(t, newStore(read, d.dialect).Migrate(t.Context()), "tx_read_only")
			null := limited(t, d, nil, map[string]string{"sql_mode": "'STRICT_TRANS_TABLES,EMPTY_STRING_IS_NULL'"})
			require.ErrorContains(t, newStore(null, d.dialect).Migrate(t.Context()), "EMPTY_STRING_IS_NULL")
			return
		}
		config := postgresConfig()
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		config.RuntimeParams["search_path"], config.RuntimeParams["datestyle"] = d.name, "German"
		german := stdlib.OpenDB(*config)
		defer german.Close()
		require.ErrorContains(t, newStore(german, d.dialect).Migrate(t.Context()), "set datestyle to ISO")
	})
}

func TestMigrateReturnsWhyItCanNotConnect(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		open := func(change func(*pgx.ConnConfig, *mysql.Config)) *sql.DB {
			pg, my := postgresConfig(), mysqlConfig()
			change(pg, my)
			if d.dialect == sqlstore.MySQL {
				return openMySQL(my)
			}
			return stdlib.OpenDB(*pg)
		}
		for name, db := range map[string]*sql.DB{
			"no_such_database": open(func(pg *pgx.ConnConfig, my *mysql.Config) {
				pg.Database, my.DBName = "no_such_database", "no_such_database"
			}),
			"no_such_user": open(func(pg *pgx.ConnConfig, my *mysql.Config) {
				pg.User, my.User, my.Passwd = "no_such_user", "no_such_user", "x"
			}),
			"invalid dsn": must(sql.Open("pgx", "postgres://user@host:port/invalid dsn")),
		} {
			defer db.Close()
			dialect := d.dialect
			if name == "invalid dsn" {
				dialect = sqlstore.Postgres
			}
			err := newStore(db, dialect).Migrate(t.Context())
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), ": set ", "no setting is the cause")
		}
	})
}

func TestMigrateNamesTheEncodingOfPostgres(t *testing.T) {
	t.Parallel()
	for encoding, client := range map[string]string{"LATIN1": "UTF8", "WIN1252": "UTF8", "EUC_JP": ""} {
		name := randomName()
		administer(
			t, postgresAdmin,
			"CREATE DATABASE "+name+" TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING "+encoding,
			"DROP DATABASE "+name,
		)
		config := postgresConfig()
		config.Database = name
		if client != "" {
			config.RuntimeParams["client_encoding"] = client
		}
		db := stdlib.OpenDB(*config)
		err := newStore(db, sqlstore.Postgres).Migrate(t.Context())
		require.NoError(t, db.Close())
		require.ErrorContains(t, err, "use one with the encoding UTF8", encoding)
	}
}

// readerOf opens the database as a user with read access only.
func readerOf(t *testing.T, d database) *sql.DB {
	t.Helper()
	name := randomName()
	if d.dialect == sqlstore.Postgres {
		administer(t, postgresAdmin, fmt.Sprintf(
			"CREATE ROLE %s LOGIN; GRANT USAGE ON SCHEMA %s TO %[1]s; "+
				"GRANT SELECT ON ALL TABLES IN SCHEMA %[2]s TO %[1]s", name, d.name),
			fmt.Sprintf("DROP OWNED BY %s; DROP ROLE %[1]s", name))
		config := postgresConfig()
		config.User = name
		config.RuntimeParams["search_path"] = d.name
		db := stdlib.OpenDB(*config)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	admin := d.connect(t)
	administer(
		t, mysqlAdmin, fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY 'reader'", name),
		fmt.Sprintf("DROP USER %s@'%%'", name),
	)
	_, err := admin.ExecContext(t.Context(), fmt.Sprintf("GRANT SELECT ON %s.* TO %s@'%%'", d.name, name))
	require.NoError(t, err)
	config := mysqlConfig()
	config.User, config.Passwd, config.DBName = name, "reader", d.name
	db := openMySQL(config)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
