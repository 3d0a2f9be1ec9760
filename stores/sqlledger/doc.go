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
// The table gloebit_purchases, whose name begins with the sqlstore's prefix,
// has a row for each purchase. These are columns: realm, id, user_id,
// gloebit_id, order_key, item (the item's or the product's name), quantity,
// amount (the price for all), state, and times in UTC; the rest, with its
// history, is JSON in the column purchase. Where both have a value, the
// column's is used, except for item, quantity and amount. MySQL and MariaDB
// keep text as bytes; the view gloebit_purchases_text shows it as text.
//
// If a row can't be read, a claim returns ledger.ErrUnreadable, which names the
// purchase, each time it is due; other purchases are not delayed. A list has
// the row with the fields that its columns hold and the reason as its Cause.
// Only [Store.Prune] removes purchases.
//
// In PostgreSQL purchases are saved with synchronous_commit at least on,
// whatever the server's setting. Other databases use their own settings.
//
// # Locks
//
// [Store.Change] holds one connection, in a transaction, while its fn runs. It
// shares the pool and its limits with the sqlstore.Store, whose documentation
// says how users are locked; a purchase is locked in the same way. A claim
// skips locked purchases (SKIP LOCKED), which requires MariaDB 10.6 or MySQL
// 8.0. In SQLite, while an fn runs, including the time that a Fulfiller waits,
// every other write to the database waits.
//
// # Failures
//
// Errors of the database are wrapped. If the context has ended, the error is
// the context's. The Store tries a statement again only if the first attempt
// changed nothing: when SQLite is busy, when a pooled connection is dead or
// leads to a server that is read-only, after a deadlock or a serialization
// failure (five times), and when a limit of the server ends the wait for a
// lock. A read whose connection was lost is tried again, too. A write whose
// connection was lost is an error, because the server may have carried it out.
//
// While fn runs, the Store pings its connection every second. If the connection
// is lost, the server releases the lock of the purchase, so the context of fn
// ends and Change returns an error that says so. What fn returned then is
// included as text only; errors.Is does not match it. An fn may return before
// the loss is noticed, for example with the error of a statement that found the
// connection dead. So Change returns the error of fn only after the server has
// confirmed the rollback on that connection. If the commit itself fails, the
// purchase may or may not be saved.
//
// An fn must return when its context ends. If it still runs a quarter of
// [Store].Lease later (15 seconds), the Store rolls back its writes and
// releases the connection and, in SQLite, the write lock; statements in the
// transaction then return sql.ErrTxDone. Change still waits for fn and then
// returns an error. Meanwhile, other processes can change the purchase; in this
// process, another Change of it returns an error at once.
//
// An fn may load and update credentials, as a request to Gloebit does. In
// SQLite, where the Change holds the only write lock, a write of the stores
// outside its transaction returns an error at once, so a Fulfiller must write
// only in the transaction.
//
// # Machines that vanish
//
// A machine that loses its power or its network closes no connection.
// PostgreSQL, MariaDB and MySQL release its locks when they have received
// nothing from it for [Store].Lease, which is a minute by default. Another call
// of that machine that was waiting for the same lock may then get it, and holds
// it for as long.
//
// Two fns for one purchase still never run at once: the context of an fn ends
// when three quarters of that time have passed without an answer from the
// server. After a query, the Store can't ping the connection until the next
// statement that returns no rows, because the rows may still be open; after a
// statement was prepared, it can't ping any more. So an fn that reads and then
// waits has 45 seconds, as has a single statement, with the default Lease. A
// process that was suspended for longer, for example with its virtual machine,
// finds the context ended when it resumes, and saves nothing.
package sqlledger
