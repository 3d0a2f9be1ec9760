package gloebittest

import (
	"html/template"
	"strings"
	"sync"
	"time"
)

// Gloebit is a whole Gloebit in memory, served as an [http.Handler] from its
// root path. All methods may be called at once from many goroutines. [New]
// makes one; the zero value does not work.
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
	// subscriptionAuthorizations are in the order they came up.
	subscriptionAuthorizations []*SubscriptionAuthorization
	pending                    []*delivery   // callbacks to be made, in the order they came up
	inFlight                   int           // callbacks under way
	changed                    chan struct{} // closed, and replaced, when pending or inFlight changes
	faults                     []*Fault
	requests                   []Request
	requestBytes               int
}

// now is the time on the Gloebit's clock, in UTC and without a monotonic
// reading, so that it is the same after Save and Load.
func (g *Gloebit) now() time.Time { return g.cfg.Clock().UTC().Round(0) }

func trimSlashes(path string) string { return strings.Trim(path, "/") }
