// Package modeltest tries package ledger against a model: random orders,
// callbacks, failures and restarts, and what must hold after each; in memory,
// and in SQLite with the Fulfiller's writes in the purchase's transaction. It is
// a module of its own for the sake of pgregory.net/rapid and a driver.
package modeltest
