// Package sqlstore keeps credentials, pending connections and purchases in a
// PostgreSQL, MariaDB, MySQL or SQLite database, through database/sql and the
// driver that the application has already:
//
//	db, err := sql.Open("pgx", dsn)
//	...
//	store := sqlstore.New(db, sqlstore.Postgres)
//	if err := store.Migrate(ctx); err != nil {
//		...
//	}
//	merchant, err := gloebit.New(gloebit.Config{Tokens: store, States: store, ...})
//	...
//	purchases, err := ledger.New(ledger.Config{Merchant: merchant, Store: store, ...})
//
// Any number of processes can share the database. The tables are named
// gloebit_*, and [Schema] has them for those who migrate with a tool of their
// own. Tokens are in plain columns.
//
// # Purchases
//
// In the application's own database a ledger delivers exactly once: [Tx] gives
// its Fulfiller the transaction in which the state is saved.
//
// The table gloebit_purchases has a row for each purchase. What is searched by
// is in columns, times in microseconds of the Unix time; the rest, with its
// history, is JSON in the column purchase, kept as bytes: in words it is
// convert_from(purchase, 'UTF8'), CONVERT(purchase USING utf8mb4) or
// CAST(purchase AS TEXT). Where both have something, the column has the last
// word. A row that can't be read is an error that names the purchase, each time
// it is due, and keeps no other waiting; in a list it is what its columns tell,
// with the reason as its Cause. Nothing here removes a purchase: the application
// may delete rows that are delivered, refused or released once their key_until
// has passed.
//
// # Locks
//
// [Store.Update] and [Store.Change] hold one connection, in a transaction, while
// their fn runs, and another for nothing. Within a process those who want the
// same user or purchase wait without a connection, and all of them together take
// at most half of the pool that sql.DB.SetMaxOpenConns sets: so a [Store.Load]
// always finds one, as long as the pool has two. Set a limit below the server's
// own; without one every user who is updated at the same time takes a
// connection.
//
//   - PostgreSQL: the row of the user or purchase is locked (a user's that is
//     not there yet is inserted first, in the same transaction). A claim leaves
//     locked purchases out (SKIP LOCKED).
//   - MariaDB and MySQL: a named lock (GET_LOCK) and the row, in a transaction
//     at READ COMMITTED, for which the binary log must be of the format ROW or
//     MIXED. Claims leave locked purchases out, for which MariaDB 10.6 or MySQL
//     8.0 is needed.
//   - SQLite: the write lock of the whole database (BEGIN IMMEDIATE). While an
//     fn runs, and with it perhaps a request to Gloebit or whatever a Fulfiller
//     waits for, every other write to the database waits: that of another user
//     or purchase too, and the application's own, which fails with SQLITE_BUSY
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
// When it is lost the server frees the user or purchase, so the context of fn
// ends, and Update or Change returns an error that says so. What fn returned
// then is only told in words: it is not fn's answer. An fn may return before
// that is noticed, with the error of a statement that found the connection dead,
// say. So its error is believed once the server has rolled back, which it does
// only for a connection that it still has. An error of the commit itself leaves
// open whether it was saved.
//
// An fn of a Change that still goes on a quarter of [Store].Lease after the end
// of its context, 15 seconds, is given up: what it wrote is rolled back, its
// transaction is sql.ErrTxDone, and the connection, or SQLite's one writer, is
// there for others. Change goes on waiting for it, and then returns an error.
// Until that, the purchase can be changed in other processes, and in this one
// another Change of it is an error at once: so an fn must heed its context. An
// fn of Update is never given up: let it end by itself.
//
// An fn may load and update credentials, as a request to Gloebit does. Within a
// Change in SQLite, whose one writer that Change is, what writes is an error at
// once: let such a Fulfiller keep to the transaction.
//
// # Machines that vanish
//
// A machine that loses its power or its network closes no connection. PostgreSQL,
// MariaDB and MySQL free what it had locked when they have heard nothing of it
// for [Store].Lease, which is a minute; a user after ten seconds. Somebody else
// of that machine who was waiting for the same may get it then, and holds it for
// as long.
//
// No two fns run at once because of that: the context of an fn ends when three
// quarters of that time have passed without an answer of the server's, on
// whichever side the silence is. After a query the transaction can't be asked
// whether it is there, since the rows may still be open, until the next
// statement that returns none; after a statement was prepared, not any more.
// So an fn that reads and then waits for something has 45 seconds for it, as
// has a single statement, unless Lease says otherwise. A process that was
// stopped for longer, such as with its virtual machine, finds its context ended
// when it goes on, and saves nothing.
package sqlstore
