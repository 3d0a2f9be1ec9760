package gloebit

import (
	"errors"
	"iter"
)

// Refusal is a row of a table of refusals: an error, and how a request that
// failed with it is answered.
type Refusal struct {
	Err    error
	Name   string // the exported error of the problem's type; empty means about:blank
	Status int    // the HTTP status
	Link   string // the link that helps the user; empty means none
	Text   string // the words for the user
}

// The links that a page about a connection has.
const (
	linkConnect = "connect"     // a page load is redirected there instead
	linkRestart = "start again" // to connect, for the user to follow
)

// findRefusal returns the first row whose error is in err's chain.
func findRefusal(err error, rows iter.Seq[Refusal]) (row Refusal, ok bool) {
	for row := range rows {
		if errors.Is(err, row.Err) {
			return row, true
		}
	}
	return Refusal{}, false
}
