// Package sqlledger keeps the purchases of a ledger in the database of a
// [sqlstore.Store]:
//
//	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.Postgres})
//	...
//	purchases := sqlledger.New(store)
//	if err := purchases.Migrate(ctx); err != nil { // the tables of both
//		...
//	}
//	shop, err := ledger.New(ledger.Config{Merchant: merchant, Store: purchases, ...})
//
// # Purchases
//
// In the application's own database a ledger delivers exactly once: [Tx] gives
// its Fulfiller the transaction in which the state is saved.
//
// The table gloebit_purchases, whose name begins with the sqlstore's prefix, has
// a row for each purchase. What is searched by or looked at is in columns: realm,
// id, user_id, gloebit_id, order_key, item (the item's or the product's name),
// quantity, amount (the price for all), state, and times in UTC; the rest, with
// its history, is JSON in the column purchase. Where both have something, the
// column has the last word, but for item, quantity and amount. MySQL and MariaDB
// keep text as bytes; the view gloebit_purchases_text has it as text.
//
// A row that can't be read is ledger.ErrUnreadable, which names the purchase,
// each time it is due, and delays no other; in a list it is what its columns
// tell, with the reason as its Cause. Only [Store.Prune] removes purchases.
//
// In PostgreSQL purchases are saved with synchronous_commit at least on, whatever
// the server's setting. Other databases commit as they are set to.
//
// # Locks
//
// [Store.Change] holds one connection, in a transaction, while its fn runs. It
// shares turns and the pool with the sqlstore.Store, whose documentation says how
// users are locked; a purchase is locked in the same way. A claim leaves locked
// purchases out (SKIP LOCKED), for which MariaDB 10.6 or MySQL 8.0 is needed. In
// SQLite, while an fn runs, and with it whatever a Fulfiller waits for, every
// other write to the database waits.
//
// # Failures
//
// An error of the database is returned as it is, wrapped, and an error because
// a context has ended is that of the context. Nothing is retried but what finds
// SQLite busy or a pooled connection dead before anything was asked of it.
//
// While fn runs its connection is asked every second whether it is still there.
// When it is lost the server frees the purchase, so the context of fn
// ends, and Change returns an error that says so. What fn returned
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
// another Change of it is an error at once: so an fn must heed its context.
//
// An fn may load and update credentials, as a request to Gloebit does. Within a
// Change in SQLite, whose one writer that Change is, what writes is an error at
// once: let such a Fulfiller keep to the transaction.
//
// # Machines that vanish
//
// A machine that loses its power or its network closes no connection. PostgreSQL,
// MariaDB and MySQL free what it had locked when they have heard nothing of it
// for [Store].Lease, which is a minute. Another call of that machine that was
// waiting for the same may get it then, and holds it for as long.
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
package sqlledger
