// Package sqlstore keeps credentials and pending connections in a PostgreSQL,
// MariaDB, MySQL or SQLite database, through database/sql and a driver that the
// application chooses:
//
//	db, err := sql.Open("pgx", dsn)
//	...
//	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.Postgres})
//	...
//	if err := store.Migrate(ctx); err != nil {
//		...
//	}
//	merchant, err := gloebit.New(gloebit.Config{Tokens: store, States: store, ...})
//
// Any number of processes and merchants can share the database. The data is in
// the tables oauth_credentials and oauth_states, with [Config].Prefix before
// their names. An application with its own migration tool gets the statements
// that create them from [Store.Schema]. Tokens are stored unencrypted. Package
// sqlledger keeps purchases in the same database.
//
// # Columns
//
// The first column of both tables is the realm of the row (see
// [connect.Connector.Realm]). Strings are TEXT in SQLite, and TEXT with the
// collation "C" in PostgreSQL, where the database's encoding must be UTF8. In
// MariaDB and MySQL they are UTF-8 bytes, in VARBINARY or MEDIUMBLOB, because
// text columns there ignore trailing spaces in comparisons. The views
// oauth_credentials_text and oauth_states_text, which exist only in MariaDB and
// MySQL, show the columns as text, without the secrets. Lists of scopes are
// separated by spaces.
//
// Times are TIMESTAMPTZ in PostgreSQL, DATETIME(6) of UTC in MariaDB and MySQL,
// and text of the form 2026-01-02 03:04:05.678901, in UTC, in SQLite. NULL
// means never. In oauth_credentials, expires_at is when the access token
// expires, and valid_until is the ExpiresAt of the [connect.Credential].
//
// # Locks
//
// [Store.Update] holds exactly one connection, in a transaction, while its fn
// runs. Callers in one process that wait for the same user hold no connection.
// All updates together, including each Change of package sqlledger, use at most
// half of the connections that sql.DB.SetMaxOpenConns allows. So there is
// always a connection for a [Store.Load], if at least two are allowed. Only an
// Update inside the fn of a sqlledger Change takes a connection beyond that
// half. Set SetMaxOpenConns below the server's limit. Without a limit, each
// concurrent Update of a different user takes a connection.
//
// The lock of a user depends on the database:
//
//   - PostgreSQL: a row lock on the user's row (a missing row is inserted
//     first, in the same transaction).
//   - MariaDB and MySQL: a named lock (GET_LOCK) and the row, in a transaction
//     at READ COMMITTED, which requires the binary log format ROW or MIXED.
//   - SQLite: the write lock of the whole database (BEGIN IMMEDIATE). While an
//     fn runs, which may include a request to Gloebit, every other write to the
//     database waits, also writes for other users. A method of the Store tries
//     again until its context ends. The application's own writes fail with
//     SQLITE_BUSY when the busy_timeout of their connection is over.
//     Write-ahead logging (PRAGMA journal_mode=WAL) lets reads continue during
//     a commit. Keep the busy_timeout of the Store's connections small, because
//     with some drivers the wait continues after the context has ended. If a
//     database in memory has only one connection, a Load waits for an Update
//     there.
//
// # Failures
//
// Errors of the database are wrapped. If the context has ended, the error is
// the context's. The Store tries a statement again only if the first attempt
// changed nothing: when SQLite is busy, when a pooled connection is dead or
// leads to a server that is read-only, after a deadlock or a serialization
// failure (at most five times), and when a timeout of the server ends the wait
// for a lock (for at most a minute if the context has no deadline). A read
// whose connection was lost is tried again, too. A write whose connection was
// lost is an error, because the server may have carried it out. After an outage
// the Store works again without a restart.
//
// While fn runs, the Store pings its connection every second. If the connection
// is lost, the server releases the lock of the user, so the context of fn ends
// and Update returns an error that says so. It includes the error of fn as text
// only; errors.Is does not match it. If the commit itself fails, the
// credential may or may not be saved. Update always waits for fn to return, so
// fn must return when its context ends.
//
// # Machines that vanish
//
// A machine that loses its power or its network closes no connection.
// PostgreSQL, MariaDB and MySQL release its locks when they have received
// nothing from it for ten seconds. Two calls of fn for one user still never
// overlap if fn returns when its context ends: the context ends when the server
// has not answered for 7.5 seconds. If a process was suspended for longer, for
// example with its virtual machine, the context has ended when the process
// resumes, and nothing is saved.
package sqlstore
