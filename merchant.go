package gloebit

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// ApprovalPrompt says whether Gloebit asks a user who has already approved the
// application to approve it again.
type ApprovalPrompt string

// The approval prompts that Gloebit knows. Gloebit treats an empty one as
// PromptForce.
const (
	PromptForce ApprovalPrompt = "force" // ask, make a new token and discard the old one
	PromptAuto  ApprovalPrompt = "auto"  // return the existing token, possibly without asking
)

// Config configures a [Merchant]. ClientID, ClientSecret, RedirectURL and
// Provider must be set.
type Config struct {
	// ClientID is the application's key from Gloebit's merchant page.
	ClientID string
	// ClientSecret is the application's secret from the same page.
	ClientSecret Secret
	// Realm separates this application's records in States, Tokens and a ledger
	// from those of other applications. Each record is stored under the
	// server's host and port and Realm, so records of the sandbox and of
	// production never mix; see [Merchant.Realm]. The default is ClientID.
	// Before you change the client ID, set Realm to the old one. Otherwise
	// every user has to connect again, and purchases in progress are never
	// finished.
	Realm string
	// RedirectURL is the absolute URL of the callback handler as browsers see
	// it, registered at Gloebit. It is https, or http on a loopback address.
	// The connect and disconnect handlers are its siblings: next to
	// https://shop.example/gloebit/callback they are /gloebit/connect and
	// /gloebit/disconnect.
	RedirectURL string
	// Scopes are the scopes that every user is asked for. The default is
	// ScopeID and ScopeTransact. With VersionA the identity scope is sent as
	// "id", with VersionB as "user".
	Scopes []Scope
	// Provider is the server: Production, Sandbox or ProviderAt. The zero value
	// is refused.
	Provider Provider
	// Protocol is how users authorize the application. Nil means OAuth 2.0.
	Protocol connect.Protocol

	// Sessions is the application's *scs.SessionManager
	// (github.com/alexedwards/scs) or another SessionStore. The manager's
	// LoadAndSave must wrap all handlers and middleware of this package. If
	// nil, the package keeps its own sessions in memory, and its handlers and
	// middleware load and save them.
	Sessions SessionStore
	// States stores pending connections. Nil means a MemoryStateStore; replicas
	// need a shared one.
	States StateStore
	// Tokens stores the users' credentials. Nil means a MemoryTokenStore, which
	// forgets them at a restart; replicas need a shared one.
	Tokens TokenStore

	// User returns the application's user who makes the request. If it returns
	// ErrNoUser, or a User without an ID, no user is signed in; for the
	// response, see SignInURL. For any other error the response is 503. If User
	// is nil, the user is the Gloebit identity when SignIn is set, and the
	// browser session otherwise.
	User func(*http.Request) (User, error)
	// SignInURL is where users sign in to the application: a local path, an
	// absolute https URL, or an http URL with a loopback address. It needs
	// User. When no user is signed in, a page load is redirected there (303).
	// Any other request gets 401, with the member sign_in_url in problem+json
	// or a link on a page. The query parameter return_to is the page to return
	// to: a local path, as the browser sees it, or the page's absolute URL when
	// SignInURL has another host than RedirectURL. It is left out when the page
	// is not known. The sign-in page must check return_to before it redirects
	// there; to check a local path, call [connect.CheckReturnTo]. It must not
	// be behind RequireGloebit. If SignInURL is empty, page loads get 401 too,
	// and no response has a link.
	SignInURL string
	// SignIn makes the Gloebit identity the user: a user who connects is signed
	// in, a user who disconnects is signed out. It needs an identity scope,
	// such as ScopeID, and can't be combined with User.
	SignIn bool

	// HomePath is the local path to go to after connecting and disconnecting
	// when no return_to was given. Empty means "/".
	HomePath string
	// ApprovalPrompt is sent to the authorization page. If empty, none is sent.
	ApprovalPrompt ApprovalPrompt
	// ConnectTimeout is how long a user may take between connect and callback.
	// Zero means ten minutes.
	ConnectTimeout time.Duration

	// RateLimit is called before a connection is started or completed: by the
	// connect and callback handlers, before they use a session, store or
	// server, and by AuthorizationURL and Exchange. If it returns an error, the
	// response is 429 (RFC 6585 section 4); a RateLimitError says when to try
	// again. Behind a proxy, RemoteAddr is the proxy's. Nil means no limit.
	RateLimit func(*http.Request) error

	// CrossOrigin says which cross-origin requests the middleware and the
	// disconnect handler accept. Any other cross-origin request whose method is
	// not GET, HEAD or OPTIONS gets 403, because a page of another site could
	// otherwise spend the user's gloebits. Requests from the origin of
	// RedirectURL always pass. To accept those of another origin, add it with
	// AddTrustedOrigin; to accept those for some routes, use
	// AddInsecureBypassPattern.
	CrossOrigin *http.CrossOriginProtection

	// HTTPClient calls Gloebit. If nil, the package uses its own client. A
	// Timeout of zero becomes 15 seconds, redirects are never followed, and its
	// Jar is not used. Its Transport must send each request once: a Transport
	// that retries, as retryablehttp does, may charge a user twice. Transport
	// errors are reduced to their type, such as *net.OpError, because their
	// text may contain secrets.
	HTTPClient *http.Client
	// UserAgent is the User-Agent header of every request to Gloebit. The
	// default is "go-gloebit", followed by a slash and the version of this
	// module if the program was built with a released one: "go-gloebit/v1.2.3".
	UserAgent string
	// Logger gets one record for each connection, disconnection and failure,
	// with IDs and never with a secret. With Production, New also logs the
	// settings that are dangerous there. If nil, nothing is logged.
	Logger *slog.Logger
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time
	// Trace holds functions that are called at stages of the work, for traces
	// and metrics. It must not be changed after New. The default is none.
	Trace *Trace

	// OnConnect is called when a user has approved and the server has issued
	// the tokens, before they are saved. If it returns an error, nothing is
	// saved and ErrorHandler gets the error. Nil does nothing.
	OnConnect func(*http.Request, Connection) error
	// OnDisconnect is called when a user's credential was removed by the
	// disconnect handler. An error goes to ErrorHandler. Nil does nothing.
	OnDisconnect func(*http.Request, User) error
	// ErrorHandler writes the response for a failed request. Use StatusCode for
	// the status, ConnectError.ReturnTo for the page that the user wanted, and
	// WriteError for the default response. It must not show err to the user. To
	// call the Merchant in it, declare the Merchant's variable before the
	// Config, and assign the result of New to that variable. The default is a
	// plain page, or problem+json (RFC 9457) for clients that don't accept
	// HTML.
	ErrorHandler func(http.ResponseWriter, *http.Request, error)
}

// Merchant connects an application's users to Gloebit and charges them. Make it
// with [New]. It is read-only afterwards and safe for concurrent use.
type Merchant struct {
	connector  *connect.Connector
	base       connect.Base
	config     Config
	provider   Provider
	api        *http.Client  // without a Timeout: each attempt has its own
	retryDelay time.Duration // the average delay before the first retry
	trace      Trace         // zero without Config.Trace
}

// New checks the configuration and returns a Merchant. Its error names every
// field that can't be used. It makes no network connection and starts no
// goroutine.
func New(config Config) (*Merchant, error) {
	m := &Merchant{config: config, provider: config.Provider, retryDelay: 200 * time.Millisecond}
	m.provider.Name = cmp.Or(m.provider.Name, "Gloebit")
	if config.Trace != nil {
		m.trace = *config.Trace
	}
	checked := config.check()
	if config.Provider.check() != nil { // already in checked; connect.New finds other errors
		m.provider = Sandbox()
	}
	connector, err := connect.New(m.engine())
	if err := errors.Join(checked, err); err != nil {
		return nil, err
	}
	m.connector, m.base = connector, connector.Base()
	api := *m.base.HTTPClient
	api.Timeout = 0
	m.api = &api
	return m, nil
}

// engine returns the connector's configuration.
func (m *Merchant) engine() connect.Config {
	config := m.config
	scopes := config.Scopes
	if len(scopes) == 0 {
		scopes = []Scope{ScopeID, ScopeTransact}
	}
	return connect.Config{
		Server: m.server(), ClientID: config.ClientID, ClientSecret: config.ClientSecret, Realm: config.Realm,
		RedirectURL: config.RedirectURL,
		Scopes:      scopes, Protocol: config.Protocol, Sessions: config.Sessions, States: config.States,
		Tokens: config.Tokens,
		User:   config.User, SignInURL: config.SignInURL, SignIn: config.SignIn, HomePath: config.HomePath,
		ConnectTimeout: config.ConnectTimeout, RateLimit: config.RateLimit, HTTPClient: config.HTTPClient,
		UserAgent:   config.UserAgent,
		CrossOrigin: config.CrossOrigin,
		Logger:      config.Logger, Clock: config.Clock, Trace: &m.trace.Trace, Warn: m.provider.isProduction(),
		OnConnect: config.OnConnect, OnDisconnect: config.OnDisconnect, ErrorHandler: config.ErrorHandler,
		Refusals: Refusals(), Link: m.link,
	}
}

// check returns an error that names every invalid field of package gloebit.
func (c Config) check() error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("gloebit: Config."+format, args...))
	}
	if err := c.Provider.check(); err != nil {
		problems = append(problems, err)
	}
	if c.SignIn && len(c.Scopes) > 0 && len(scopePolicy.Missing(c.Scopes, []Scope{ScopeID})) > 0 {
		bad("SignIn needs ScopeID or ScopeUser among Scopes")
	}
	if !slices.Contains([]ApprovalPrompt{"", PromptForce, PromptAuto}, c.ApprovalPrompt) {
		bad("ApprovalPrompt: unknown value %q", c.ApprovalPrompt)
	}
	return errors.Join(problems...)
}

// Realm returns the realm of the application's records in a store: the host and
// port of the token endpoint, a slash, and Config.Realm, which defaults to the
// client ID. In a shared store, the records of another merchant or of the
// sandbox have another realm.
func (m *Merchant) Realm() string { return m.connector.Realm() }

// Format writes the client ID for every verb, because a Merchant holds secrets.
func (m *Merchant) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "gloebit.Merchant(%s)", m.config.ClientID)
}
