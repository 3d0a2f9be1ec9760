package gloebittest

import (
	"html/template"
	"strings"
	"sync"
	"time"
)

// Gloebit is an in-memory Gloebit, served as an [http.Handler] from its root
// path. Create one with [New]; the zero value is not usable. All methods are
// safe for concurrent use.
type Gloebit struct {
	cfg    Config
	routes map[string]route
	pages  *template.Template

	mu               sync.Mutex
	revision         uint64
	applications     []*Application
	users            []*account
	approvals        []*Approval
	tokens           map[digest]*token // by access token
	refreshTokens    map[digest]*token // by refresh token
	requestTokens    map[digest]*requestToken
	nonces           nonces
	codes            map[digest]*code
	standing         decision
	transactions     []*record
	transactionIndex map[transactionKey]*record
	subscriptions    []*Subscription
	// subscriptionAuthorizations are in the order of their creation.
	subscriptionAuthorizations []*SubscriptionAuthorization
	pending                    []*delivery   // callbacks to make, in the order they were queued
	inFlight                   int           // callbacks in progress
	changed                    chan struct{} // closed, and replaced, when pending or inFlight changes
	faults                     []*Fault
	requests                   []Request
	requestBytes               int
}

// now is the Gloebit's time, in UTC and without a monotonic reading, so that it
// is equal after Save and Load.
func (g *Gloebit) now() time.Time { return g.cfg.Clock().UTC().Round(0) }

func trimSlashes(path string) string { return strings.Trim(path, "/") }
