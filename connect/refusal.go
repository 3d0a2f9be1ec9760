package connect

import (
	"errors"
	"net/http"
	"slices"
)

// Refusal is a row of the table that [Refusals] returns: an error, and the
// response to a request that failed with it.
type Refusal struct {
	Err    error
	Name   string // the problem's type: an https URL, or the name of an error of this package; empty means about:blank
	Status int    // the HTTP status
	Link   string // the name of the link that helps the user; empty means none
	Text   string // the message for the user
}

// The links on a page about a connection.
const (
	linkConnect = "connect"     // a page load is redirected there instead
	linkRestart = "start again" // to connect, shown to the user
)

// Link is a link in the response to a failed request: on the page, or as a
// member of the problem details (RFC 9457).
type Link struct {
	Member string // such as purchase_url
	Text   string
	URL    string
}

// Refusals returns the rows of this package's errors.
func Refusals() []Refusal { return slices.Clone(connecting) }

// StatusCode returns the HTTP status that fits an error of this package, for
// use in Config.ErrorHandler. For other errors it returns 500.
func StatusCode(err error) int {
	if row, ok := FindRefusal(err, connecting); ok {
		return row.Status
	}
	return http.StatusInternalServerError
}

// FindRefusal returns the first row whose error is in err's chain.
func FindRefusal(err error, rows []Refusal) (row Refusal, ok bool) {
	for _, row := range rows {
		if errors.Is(err, row.Err) {
			return row, true
		}
	}
	return Refusal{}, false
}
