// Package modeltest tests package ledger against a model: it runs random
// orders, callbacks, failures and restarts, and checks the invariants after
// each. It uses memory, and SQLite with the Fulfiller's writes in the
// purchase's transaction. It is a separate module because of pgregory.net/rapid
// and a driver.
package modeltest
