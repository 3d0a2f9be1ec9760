package gloebittest

import (
	"html/template"
	"log/slog"
	"math/rand/v2"
	"net/http"
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

// New makes a Gloebit without users and applications. It starts nothing: the
// queue is worked by [Gloebit.Run] or [Gloebit.Settle].
func New(cfg Config) *Gloebit {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = newCallbackClient()
	}
	if cfg.Queue.Rand == nil {
		cfg.Queue.Rand = rand.New(rand.NewPCG(1, 1))
	}
	if cfg.Strict {
		cfg.Vintage = VintageA
	}
	g := &Gloebit{
		cfg:              cfg,
		routes:           newRoutes(cfg.Vintage),
		pages:            newPages(),
		tokens:           make(map[digest]*token),
		refreshTokens:    make(map[digest]*token),
		codes:            make(map[digest]*code),
		requestTokens:    make(map[digest]*requestToken),
		nonces:           make(nonces),
		transactionIndex: make(map[transactionKey]*record),
		changed:          make(chan struct{}),
	}
	if cfg.Strict {
		g.routes = documentRoutes(g.routes)
	}
	if g.cfg.Consent == nil {
		g.cfg.Consent = g.consentForm
	}
	if g.cfg.SubscriptionConsent == nil {
		g.cfg.SubscriptionConsent = g.subscriptionForm
	}
	if g.cfg.Notice == nil {
		g.cfg.Notice = g.noticePage
	}
	return g
}

// ServeHTTP answers the paths of OAuth 2.0 and 1.0a, the pages of purchases and
// subscriptions, and the API.
func (g *Gloebit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	observed := &statusWriter{ResponseWriter: w}
	defer func() {
		g.cfg.Logger.LogAttrs(r.Context(), slog.LevelInfo, "gloebit request",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", observed.status))
	}()
	if status := bufferBody(observed, r); status != 0 {
		writeJSON(observed, status, failure("the request's body is too long or broken off"))
		return
	}
	fault := g.admit(r)
	if fault == nil {
		g.serve(observed, r)
		return
	}
	g.fail(observed, r, fault)
}

// now is the time on the Gloebit's clock, in UTC and without a monotonic
// reading, so that it is the same after Save and Load.
func (g *Gloebit) now() time.Time { return g.cfg.Clock().UTC().Round(0) }

// statusWriter remembers the status for the log.
type statusWriter struct {
	http.ResponseWriter
	status int // 0 while nothing was sent
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func trimSlashes(path string) string { return strings.Trim(path, "/") }
