// Package sqlstore keeps credentials and pending connections in a PostgreSQL,
// MariaDB, MySQL or SQLite database, through database/sql and the driver that
// the application has already:
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
// Any number of processes and merchants can share the database. The tables are
// oauth_credentials and oauth_states, with [Config].Prefix before their names, and
// [Store.Schema] has them for applications that migrate with a tool of their own.
// Tokens are in plain columns. Package sqlledger keeps purchases in the same
// database.
//
// # Columns
//
// Every row has its realm (see [connect.Connector.Realm]) in the first column.
// Columns are text: TEXT of the collation "C" in PostgreSQL, which must have the
// encoding UTF8, and TEXT in SQLite. In MariaDB and MySQL they are VARBINARY and
// MEDIUMBLOB with UTF-8 in them, since text there compares without trailing
// spaces; the views oauth_credentials_text and oauth_states_text show them as
// text, without the secrets. Lists of scopes have spaces between them.
//
// Times are TIMESTAMPTZ in PostgreSQL, DATETIME(6) of UTC in MariaDB and MySQL,
// and text of the form 2026-01-02 03:04:05.678901, of UTC, in SQLite. NULL is
// never.
//
// # Locks
//
// [Store.Update] holds one connection, in a transaction, while its fn runs, and
// another for nothing. Within a process those who want the same user wait without
// a connection, and all of them together, with those of package sqlledger, take
// at most half of the pool that sql.DB.SetMaxOpenConns sets: so a [Store.Load]
// always finds one, as long as the pool has two. Set a limit below the server's
// own; without one every user who is updated at the same time takes a
// connection.
//
//   - PostgreSQL: the user's row is locked (one that is not there yet is inserted
//     first, in the same transaction).
//   - MariaDB and MySQL: a named lock (GET_LOCK) and the row, in a transaction
//     at READ COMMITTED, for which the binary log must be of the format ROW or
//     MIXED.
//   - SQLite: the write lock of the whole database (BEGIN IMMEDIATE). While an
//     fn runs, and with it perhaps a request to Gloebit, every other write to the
//     database waits: that of another user too, and the application's own, which fails with SQLITE_BUSY
//     if its busy_timeout is shorter. What finds the database locked here waits
//     as long as its context lasts. Write-ahead logging (PRAGMA
//     journal_mode=WAL) lets reads go on during a commit. A busy_timeout of the
//     driver's is not cut short by every driver when the context ends: leave it
//     small. A database in memory lives in one connection, so that a Load waits
//     there for an Update.
//
// # Failures
//
// An error of the database is returned as it is, wrapped, and an error because
// a context has ended is that of the context. Nothing is retried but what
// finds SQLite busy or a pooled connection dead before anything was asked of
// it. A database that comes back is used again without further ado.
//
// While fn runs its connection is asked every second whether it is still there.
// When it is lost the server frees the user, so the context of fn ends, and
// Update returns an error that says so. What fn returned then is included as text
// only; errors.Is does not match it. An error of the commit itself leaves open
// whether it was saved. An fn of Update is never given up: let it end.
//
// # Machines that vanish
//
// A machine that loses its power or its network closes no connection. PostgreSQL,
// MariaDB and MySQL free the user that it had locked when they have heard nothing
// of it for ten seconds. No two fns run at once because of that: the context of
// an fn ends when three quarters of that time have passed without an answer of
// the server. A process that was stopped for longer, such as with its virtual
// machine, finds its context ended when it goes on, and saves nothing.
package sqlstore
