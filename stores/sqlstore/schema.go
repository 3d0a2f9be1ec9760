package sqlstore

import "github.com/go-gloebit/gloebit/stores/internal/sqldb"

// Migration is one step of the schema.
type Migration struct {
	// Version is 1 for the first step, and one more for each that follows.
	Version int
	// Statements are run in order, one at a time. They can be run again, also
	// after a failure half way.
	Statements []string
}

// Schema returns the steps of the schema in the order in which they are run, for
// applications with a migration tool of their own; [Store.Migrate] runs the same.
// Steps never change once they are released: a new version of this package adds
// some. Schema panics when the dialect is none of the package's.
//
// The last statement of each step keeps its version in the table
// gloebit_schema, so that Migrate knows of what was done without it.
func Schema(dialect Dialect) []Migration {
	var migrations []Migration
	for _, step := range schema(sqldb.Dialect(dialect.must())) {
		migrations = append(migrations, Migration(step))
	}
	return migrations
}

func schema(dialect sqldb.Dialect) []sqldb.Migration {
	switch dialect {
	case sqldb.Postgres:
		return sqldb.Steps(dialect, "gloebit_schema", postgresTables())
	case sqldb.MySQL:
		return sqldb.Steps(dialect, "gloebit_schema", mysqlTables())
	default:
		return sqldb.Steps(dialect, "gloebit_schema", sqliteTables())
	}
}

func postgresTables() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS gloebit_schema (
	version INTEGER PRIMARY KEY
)`,
		`CREATE TABLE IF NOT EXISTS gloebit_credentials (
	realm         BYTEA NOT NULL,
	user_id       BYTEA NOT NULL,
	access_token  BYTEA NOT NULL,
	refresh_token BYTEA NOT NULL,
	token_secret  BYTEA NOT NULL,
	scopes        BYTEA NOT NULL,
	gloebit_id    BYTEA NOT NULL,
	name          BYTEA NOT NULL,
	expiry        BIGINT,
	connected_at  BIGINT,
	valid_until   BIGINT,
	version       BIGINT NOT NULL,
	PRIMARY KEY (realm, user_id)
)`,
		`CREATE INDEX IF NOT EXISTS gloebit_credentials_valid_until ON gloebit_credentials (valid_until)`,
		`CREATE TABLE IF NOT EXISTS gloebit_states (
	realm      BYTEA NOT NULL,
	state_hash BYTEA NOT NULL,
	user_id    BYTEA NOT NULL,
	verifier   BYTEA NOT NULL,
	return_to  BYTEA NOT NULL,
	binding    BYTEA NOT NULL,
	scopes     BYTEA NOT NULL,
	required   BYTEA NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (realm, state_hash)
)`,
		`CREATE INDEX IF NOT EXISTS gloebit_states_expires_at ON gloebit_states (expires_at)`,
	}
}

func mysqlTables() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS gloebit_schema (
	version INTEGER PRIMARY KEY
) ENGINE=InnoDB`,
		`CREATE TABLE IF NOT EXISTS gloebit_credentials (
	realm         VARBINARY(128) NOT NULL,
	user_id       VARBINARY(255) NOT NULL,
	access_token  MEDIUMBLOB NOT NULL,
	refresh_token MEDIUMBLOB NOT NULL,
	token_secret  MEDIUMBLOB NOT NULL,
	scopes        MEDIUMBLOB NOT NULL,
	gloebit_id    MEDIUMBLOB NOT NULL,
	name          MEDIUMBLOB NOT NULL,
	expiry        BIGINT,
	connected_at  BIGINT,
	valid_until   BIGINT,
	version       BIGINT NOT NULL,
	PRIMARY KEY (realm, user_id),
	INDEX gloebit_credentials_valid_until (valid_until)
) ENGINE=InnoDB`,
		`CREATE TABLE IF NOT EXISTS gloebit_states (
	realm      VARBINARY(128) NOT NULL,
	state_hash VARBINARY(255) NOT NULL,
	user_id    MEDIUMBLOB NOT NULL,
	verifier   MEDIUMBLOB NOT NULL,
	return_to  MEDIUMBLOB NOT NULL,
	binding    MEDIUMBLOB NOT NULL,
	scopes     MEDIUMBLOB NOT NULL,
	required   MEDIUMBLOB NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (realm, state_hash),
	INDEX gloebit_states_expires_at (expires_at)
) ENGINE=InnoDB`,
	}
}

func sqliteTables() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS gloebit_schema (
	version INTEGER PRIMARY KEY
)`,
		`CREATE TABLE IF NOT EXISTS gloebit_credentials (
	realm         BLOB NOT NULL,
	user_id       BLOB NOT NULL,
	access_token  BLOB NOT NULL,
	refresh_token BLOB NOT NULL,
	token_secret  BLOB NOT NULL,
	scopes        BLOB NOT NULL,
	gloebit_id    BLOB NOT NULL,
	name          BLOB NOT NULL,
	expiry        INTEGER,
	connected_at  INTEGER,
	valid_until   INTEGER,
	version       INTEGER NOT NULL,
	PRIMARY KEY (realm, user_id)
)`,
		`CREATE INDEX IF NOT EXISTS gloebit_credentials_valid_until ON gloebit_credentials (valid_until)`,
		`CREATE TABLE IF NOT EXISTS gloebit_states (
	realm      BLOB NOT NULL,
	state_hash BLOB NOT NULL,
	user_id    BLOB NOT NULL,
	verifier   BLOB NOT NULL,
	return_to  BLOB NOT NULL,
	binding    BLOB NOT NULL,
	scopes     BLOB NOT NULL,
	required   BLOB NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (realm, state_hash)
)`,
		`CREATE INDEX IF NOT EXISTS gloebit_states_expires_at ON gloebit_states (expires_at)`,
	}
}
