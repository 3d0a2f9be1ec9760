package sqlstore

import (
	"fmt"

	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// Migration is one step of the schema.
type Migration struct {
	// Version is 1 for the first step, and one more for each that follows.
	Version int
	// Statements are run in order, one at a time. They can be run again, even
	// after a failure between them.
	Statements []string
}

// Schema returns the steps of the schema in the order in which they are run,
// for applications with their own migration tool; [Store.Migrate] runs the same
// steps. A released step never changes: new versions of this package only add
// steps.
//
// The last statement of each step stores its version in the table oauth_schema,
// so that Migrate recognizes steps that another tool has run.
func (s *Store) Schema() []Migration {
	var migrations []Migration
	for _, step := range s.schema() {
		migration := Migration{Version: step.Version}
		for _, statement := range step.Statements {
			migration.Statements = append(migration.Statements, s.db.Query(statement))
		}
		migrations = append(migrations, migration)
	}
	return migrations
}

const versions = "{p}oauth_schema"

func (s *Store) schema() []sqldb.Migration {
	if s.db.Dialect == sqldb.MySQL {
		return sqldb.Steps(s.db.Dialect, versions, []string{
			makeVersions,
			fmt.Sprintf(makeCredentials, ",\n\tINDEX (valid_until)"), fmt.Sprintf(makeStates, ",\n\tINDEX (expires_at)"),
			viewCredentials, viewStates,
		})
	}
	return sqldb.Steps(s.db.Dialect, versions, []string{
		makeVersions, fmt.Sprintf(makeCredentials, ""), indexCredentials, fmt.Sprintf(makeStates, ""), indexStates,
	})
}

// [sqldb.DB.Query] replaces the braces.
const (
	makeVersions = `CREATE TABLE IF NOT EXISTS {p}oauth_schema (
	version INTEGER PRIMARY KEY
){engine}`

	makeCredentials = `CREATE TABLE IF NOT EXISTS {p}oauth_credentials (
	realm         {key128} NOT NULL,
	user_id       {key255} NOT NULL,
	subject       {text} NOT NULL,
	name          {text} NOT NULL,
	scopes        {text} NOT NULL,
	access_token  {text} NOT NULL,
	refresh_token {text} NOT NULL,
	token_secret  {text} NOT NULL,
	connected_at  {time},
	expires_at    {time},
	valid_until   {time},
	version       BIGINT NOT NULL,
	PRIMARY KEY (realm, user_id)%s
){engine}`

	indexCredentials = `CREATE INDEX IF NOT EXISTS {i}oauth_credentials_valid_until ON {p}oauth_credentials (valid_until)`

	makeStates = `CREATE TABLE IF NOT EXISTS {p}oauth_states (
	realm      {key128} NOT NULL,
	state_hash {key255} NOT NULL,
	user_id    {text} NOT NULL,
	verifier   {text} NOT NULL,
	return_to  {text} NOT NULL,
	binding    {text} NOT NULL,
	scopes     {text} NOT NULL,
	required   {text} NOT NULL,
	expires_at {time} NOT NULL,
	PRIMARY KEY (realm, state_hash)%s
){engine}`

	indexStates = `CREATE INDEX IF NOT EXISTS {i}oauth_states_expires_at ON {p}oauth_states (expires_at)`

	// MySQL's text compares without trailing spaces, so the tables hold bytes.
	// The views are for people.
	viewCredentials = `CREATE OR REPLACE VIEW {p}oauth_credentials_text AS
SELECT CONVERT(realm USING utf8mb4) AS realm, CONVERT(user_id USING utf8mb4) AS user_id,
	CONVERT(subject USING utf8mb4) AS subject, CONVERT(name USING utf8mb4) AS name,
	CONVERT(scopes USING utf8mb4) AS scopes,
	connected_at, expires_at, valid_until, version
FROM {p}oauth_credentials`

	viewStates = `CREATE OR REPLACE VIEW {p}oauth_states_text AS
SELECT CONVERT(realm USING utf8mb4) AS realm, CONVERT(state_hash USING utf8mb4) AS state_hash,
	CONVERT(user_id USING utf8mb4) AS user_id, CONVERT(return_to USING utf8mb4) AS return_to,
	CONVERT(scopes USING utf8mb4) AS scopes, CONVERT(required USING utf8mb4) AS required, expires_at
FROM {p}oauth_states`
)
