// Package modeltest tries package ledger against a model: random orders,
// callbacks, failures and restarts, and what must hold after each. It is a
// module of its own for the sake of pgregory.net/rapid.
package modeltest
