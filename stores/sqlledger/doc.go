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
// If goods are delivered by writing to the same database, each purchase is
// delivered exactly once: [Tx] gives the Fulfiller the transaction in which the
// purchase's state is saved.
//
// The table gloebit_purchases, with sqlstore.Config.Prefix before its name, has
// a row for each purchase. It has the columns realm, id, user_id, gloebit_id,
// order_key, item (the item's or the product's name), quantity, amount (the
// price for all), state, and times in UTC. The column purchase holds the rest,
// including the history, as JSON. If a column and the JSON both hold a field,
// the Store reads the column, except for item, quantity, amount and updated_at.
// MySQL and MariaDB keep text as bytes; the view gloebit_purchases_text shows
// it as text.
//
// If the row of a purchase can't be read, a claim returns ledger.ErrUnreadable,
// which names the purchase, each time the purchase is due. Other purchases are
// not delayed. [Store.List] returns such a purchase with the fields that its
// columns hold and the reason as its Cause. Only [Store.Prune] removes
// purchases.
//
// In PostgreSQL purchases are saved with synchronous_commit=on, even if the
// server's setting is weaker. Other databases use their own settings.
//
// # Locks
//
// [Store.Change] holds one connection, in a transaction, while its fn runs. It
// shares the pool and its limits with the sqlstore.Store, whose documentation
// says how users are locked; a purchase is locked in the same way. A claim
// skips locked purchases (SKIP LOCKED), which requires MariaDB 10.6 or MySQL
// 8.0. [Store.CompareAndSwap] waits for the lock of a Change, too. In SQLite,
// while an fn runs, every other write to the database waits. The ledger calls
// its Fulfiller in an fn.
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
// lost is an error, because the server may have carried it out.
//
// While fn runs, the Store pings its connection every second. If the connection
// is lost, the server releases the lock of the purchase, so the context of fn
// ends and Change returns an error that says so. It includes the error of fn as
// text only; errors.Is does not match it. An fn may return before the loss is
// noticed, for example with the error of a statement that found the connection
// dead. So Change returns the error of fn only after the server has confirmed
// the rollback on that connection. If the commit itself fails, the purchase may
// or may not be saved.
//
// An fn must return when its context ends. If it still runs a quarter of
// [Store].Lease later (15 seconds by default), the Store rolls back its writes
// and releases the connection and, in SQLite, the write lock; statements in the
// transaction then return sql.ErrTxDone. Change still waits for fn and then
// returns an error. Meanwhile, other processes can change the purchase; in this
// process, another Change or CompareAndSwap of it returns an error at once.
//
// An fn may load credentials and, except in SQLite, update them, as a request
// to Gloebit does. In SQLite the Change holds the only write lock, so fn must
// write only in the transaction of [Tx]; writes through the stores return an
// error at once.
//
// # Machines that vanish
//
// A machine that loses its power or its network closes no connection.
// PostgreSQL, MariaDB and MySQL release its locks when they have received
// nothing from it for [Store].Lease, which is a minute by default. If another
// call on that machine was waiting for the same lock, the server may then give
// the lock to that call's connection, and the purchase stays locked for another
// Lease.
//
// Two calls of fn for one purchase still never overlap if fn returns when its
// context ends: the context ends when the server has not answered for three
// quarters of Lease (45 seconds by default). Pings count as answers. But after
// a query the Store can't ping the connection until the next statement that
// returns no rows, because the rows may still be open, and after a statement
// was prepared it can't ping any more. So each statement, and each wait after a
// query or a prepared statement, must be shorter than that. If a process was
// suspended for longer, for example with its virtual machine, the context has
// ended when the process resumes, and nothing is saved.
package sqlledger
