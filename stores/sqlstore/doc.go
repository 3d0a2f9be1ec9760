// Package sqlstore keeps credentials and pending connections in a PostgreSQL,
// MariaDB, MySQL or SQLite database, through database/sql and the driver that
// the application has already:
//
//	db, err := sql.Open("pgx", dsn)
//	...
//	store := sqlstore.New(db, sqlstore.Postgres)
//	if err := store.Migrate(ctx); err != nil {
//		...
//	}
//	merchant, err := gloebit.New(gloebit.Config{Tokens: store, States: store, ...})
//
// Any number of processes can share the database. The tables are named
// gloebit_*, and [Schema] has them for those who migrate with a tool of their
// own. Tokens are in plain columns.
//
// # Locks
//
// [Store.Update] holds one connection, in a transaction, while its fn runs, and
// another for nothing. Within a process those who want the same user wait
// without a connection, and all Updates together take at most half of the pool
// that sql.DB.SetMaxOpenConns sets: so a [Store.Load] always finds one, as long
// as the pool has two. Set a limit below the server's own; without one every
// user who is updated at the same time takes a connection.
//
//   - PostgreSQL: the user's row is locked, and a row that is not there yet is
//     inserted first, in the same transaction.
//   - MariaDB and MySQL: a named lock (GET_LOCK) and the user's row, in a
//     transaction at READ COMMITTED, for which the binary log must be of the
//     format ROW or MIXED.
//   - SQLite: the write lock of the whole database (BEGIN IMMEDIATE). While an
//     fn runs, and with it perhaps a request to Gloebit, every other write to
//     the database waits: that of another user too, and the application's own,
//     which fails with SQLITE_BUSY if its busy_timeout is shorter. What finds
//     the database locked here waits as long as its context lasts. Write-ahead
//     logging (PRAGMA journal_mode=WAL) lets reads go on during a commit. A
//     busy_timeout of the driver's is not cut short by every driver when the
//     context ends: leave it small. A database in memory lives in one
//     connection, so that a Load waits there for an Update.
//
// # Failures
//
// An error of the database is returned as it is, wrapped, and an error because
// a context has ended is that of the context. Nothing is retried but what
// finds SQLite busy or a pooled connection dead before anything was asked of
// it. A database that comes back is used again without further ado.
//
// While fn runs its connection is asked every second whether it is still there.
// When it is lost the server has freed the user, so the context of fn ends, and
// Update returns an error. An error of the commit itself leaves open whether
// the credential was saved.
package sqlstore
