package connect

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/sync/singleflight"
)

// Config configures a [Connector]. Server, ClientID, RedirectURL and, unless
// the client is public, ClientSecret must be set.
type Config struct {
	// Server is the server to connect users to.
	Server Server
	// ClientID is the application's client ID at the server.
	ClientID string
	// ClientSecret is the application's secret at the server. It must be empty
	// for a public client.
	ClientSecret Secret
	// Realm separates this application's records in States and Tokens from
	// those of other applications; see [Connector.Realm]. The default is
	// ClientID. The server's host and port, a slash and Realm must together be
	// printable text of at most 128 bytes. Before you change the client ID, set
	// Realm to the old one; otherwise every user has to connect again. Set a
	// different Realm for each of two servers on one host with the same client
	// ID.
	Realm string
	// RedirectURL is the absolute URL of the callback handler as browsers see
	// it, registered at the server. It is https, or http on a loopback address.
	// The connect and disconnect handlers are its siblings: next to
	// https://shop.example/oauth/callback they are /oauth/connect and
	// /oauth/disconnect.
	RedirectURL string
	// Scopes are the scopes that every user is asked for. The default is none.
	Scopes []Scope
	// Protocol is how users authorize the application. The default is the
	// authorization code grant of OAuth 2.0.
	Protocol Protocol

	// Sessions is the application's *scs.SessionManager
	// (github.com/alexedwards/scs) or another SessionStore. The manager's
	// LoadAndSave must wrap all handlers and middleware of this package. By
	// default the package keeps its own sessions in memory, and its handlers
	// and middleware load and save them.
	Sessions SessionStore
	// States stores pending connections. The default is a MemoryStateStore.
	// Replicas need a shared one.
	States StateStore
	// Tokens stores the users' credentials. The default is a MemoryTokenStore,
	// which forgets them at a restart. Replicas need a shared one.
	Tokens TokenStore

	// User returns the application's user of a request. It returns ErrNoUser,
	// or a User without an ID, when no user is signed in; for any other error
	// the response is 503. If nil, the user is the identity at the server when
	// SignIn is set, and the browser session otherwise.
	User func(*http.Request) (User, error)
	// SignInURL is where users sign in to the application: a local path, an
	// absolute https URL, or an http URL with a loopback address. It needs
	// User. When no user is signed in, a page load is redirected there (303).
	// Any other request gets 401, with the member sign_in_url in problem+json
	// or a link on a page. The query parameter return_to is the page to return
	// to: a local path, as the browser sees it, or the page's absolute URL when
	// SignInURL has another host than RedirectURL. It is left out when the page
	// is not known. The sign-in page must check return_to before it redirects
	// there; to check a local path, call [CheckReturnTo]. It must not be behind
	// Require. If SignInURL is empty, page loads get 401 too, and no response
	// has a link.
	SignInURL string
	// SignIn makes the identity at the server the user: a user who connects is
	// signed in, a user who disconnects is signed out. It needs
	// Server.Identity, and can't be combined with User.
	SignIn bool

	// HomePath is the local path to go to after connecting and disconnecting
	// when no return_to was given. The default is "/".
	HomePath string
	// ConnectTimeout is how long a user may take between connect and callback.
	// The default is ten minutes. With Server.StateNotReturned it is at most
	// three.
	ConnectTimeout time.Duration
	// RateLimit is called before a connection is started or completed. If it
	// returns an error, the response is 429 (RFC 6585 section 4); a
	// RateLimitError says when to try again. Behind a proxy, RemoteAddr is the
	// proxy's. The default is no limit.
	RateLimit func(*http.Request) error

	// HTTPClient calls the server. A Timeout of zero becomes 15 seconds, and
	// redirects are never followed. Transport errors are reduced to their type,
	// because their text may contain secrets. The default is the package's own
	// client.
	HTTPClient *http.Client
	// UserAgent is the User-Agent header of every request to the server. The
	// default is "go-gloebit", with the module's version when the program was
	// built with a released one.
	UserAgent string
	// Logger gets one record for each connection, disconnection and failure,
	// with ids and never with a secret. The default logs nothing.
	Logger *slog.Logger
	// Clock tells the time. The default is time.Now.
	Clock func() time.Time
	// Trace is called at stages of the work, for traces and metrics. It must
	// not be changed after New. The default is none.
	Trace *Trace
	// Warn makes New log the settings that are dangerous in production.
	Warn bool

	// OnConnect is called when a user has approved and the server has issued
	// the tokens, before they are saved. If it returns an error, nothing is
	// saved and ErrorHandler gets the error.
	OnConnect func(*http.Request, Connection) error
	// OnDisconnect is called when a user's credential was removed by the
	// disconnect handler. An error goes to ErrorHandler.
	OnDisconnect func(*http.Request, User) error
	// ErrorHandler writes the response for a failed request. Use StatusCode for
	// the status, ConnectError.ReturnTo for the page that the user wanted, and
	// WriteError for the default response. It must not show err to the user.
	// The default is a plain page, or problem+json (RFC 9457) for clients that
	// don't accept HTML.
	ErrorHandler func(http.ResponseWriter, *http.Request, error)

	// CrossOrigin says which cross-origin requests the middleware and the
	// disconnect handler accept. Any other cross-origin request whose method is
	// not GET, HEAD or OPTIONS gets 403, because a page of another site could
	// otherwise act for the user. Requests from the origin of RedirectURL
	// always pass. To accept those of another origin, add it with
	// AddTrustedOrigin; to accept those for some routes, use
	// AddInsecureBypassPattern.
	CrossOrigin *http.CrossOriginProtection

	// Refusals is the table of errors and responses that HandleError and
	// WriteError use. The default is [Refusals]. Packages that build on this
	// one add rows.
	Refusals []Refusal
	// Link returns the link for a Refusal.Link that another package defines.
	// Packages that build on this one set it.
	Link func(link, returnTo string) Link
}

// Connector connects an application's users to a server. Make it with [New]. It
// is read-only afterwards and safe for concurrent use.
type Connector struct {
	realm          string // the realm of everything in a store
	id             string // identifies the realm in cookies and session keys
	name           string // the server's name in lower case, the prefix of log messages
	attemptPrefix  string // the prefix of the names of the attempts' cookies
	keys           sessionKeys
	application    Application
	protocol       Protocol
	server         Server
	sessions       SessionStore
	ownSessions    *ownSessions // nil with the application's sessions
	states         checkedStates
	tokens         checkedTokens
	config         Config
	scopes         []Scope
	redirect       *url.URL
	callbackPath   string // paths as browsers request them
	connectPath    string
	disconnectPath string
	homePath       string
	connectFor     time.Duration
	http           *http.Client
	log            *slog.Logger
	clock          func() time.Time
	trace          Trace // zero without Config.Trace
	userAgent      string
	header         http.Header // headers of every request to the server
	signIn         *url.URL    // nil without Config.SignInURL
	crossOrigin    *http.CrossOriginProtection
	refreshing     *singleflight.Group
	completing     *singleflight.Group // callbacks in progress, by state and browser
	refreshFor     time.Duration       // includes the wait for other holders of the user's lock
}

// New checks the configuration and returns a Connector. Its error names every
// field that can't be used. It makes no network connection and starts no
// goroutine.
func New(config Config) (*Connector, error) {
	redirect, realm, err := config.check()
	if err != nil {
		return nil, err
	}
	c := &Connector{
		realm:          realm,
		name:           slug(config.Server.Name),
		protocol:       config.Protocol,
		server:         config.Server,
		sessions:       config.Sessions,
		config:         config,
		scopes:         config.Server.Scopes.Union(config.Scopes),
		redirect:       redirect,
		callbackPath:   redirect.Path,
		connectPath:    path.Join(path.Dir(redirect.Path), "connect"),
		disconnectPath: path.Join(path.Dir(redirect.Path), "disconnect"),
		homePath:       cmp.Or(config.HomePath, "/"),
		connectFor:     cmp.Or(config.ConnectTimeout, 10*time.Minute),
		http:           newHTTPClient(config.HTTPClient),
		userAgent:      cmp.Or(config.UserAgent, defaultUserAgent()),
		header:         headers(config.Server, cmp.Or(config.UserAgent, defaultUserAgent())),
		log:            config.Logger,
		clock:          config.Clock,
		crossOrigin:    http.NewCrossOriginProtection(),
		refreshing:     new(singleflight.Group),
		completing:     new(singleflight.Group),
		refreshFor:     time.Minute,
	}
	if c.signIn, err = parseSignIn(config.SignInURL); err != nil {
		return nil, err
	}
	if c.config.Refusals == nil {
		c.config.Refusals = Refusals()
	}
	c.id = hash(c.realm)[:12]
	c.keys = newSessionKeys(c.name, c.id)
	c.attemptPrefix = c.name + "-" + c.id + "-"
	if redirect.Scheme == "https" {
		c.attemptPrefix = "__Host-" + c.attemptPrefix
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	c.states = checkedStates{config.States, c.clock}
	if config.States == nil {
		c.states.store = &MemoryStateStore{Clock: c.clock}
	}
	c.tokens = checkedTokens{config.Tokens, c.clock}
	if config.Tokens == nil {
		c.tokens.store = &MemoryTokenStore{Clock: c.clock}
	}
	if config.Trace != nil {
		c.trace = *config.Trace
	}
	if c.trace.StoreFailed != nil {
		c.states.store = tracedStates{c.states.store, c.storeFailed}
		c.tokens.store = tracedTokens{c.tokens.store, c.storeFailed}
	}
	if c.sessions == nil {
		c.ownSessions = newOwnSessions(redirect.Scheme == "https", c.name+"-"+c.id, c.sessionFailed)
		c.sessions = c.ownSessions
	}
	c.application = Application{
		ClientID:     config.ClientID,
		ClientSecret: config.ClientSecret,
		RedirectURL:  config.RedirectURL,
		Server:       c.server,
		HTTPClient:   named(c.http, c.header),
		Clock:        c.clock,
	}
	if c.protocol == nil {
		c.protocol = newCodeGrant(c.application, c.http, c.header)
	} else {
		c.protocol = redactingProtocol{c.protocol}
	}
	// Behind a proxy, the Host that the application sees may differ from the
	// redirect URL's.
	if err := c.crossOrigin.AddTrustedOrigin(originOf(redirect)); err != nil {
		return nil, fmt.Errorf("%s: Config.RedirectURL: %w", c.name, err)
	}
	if c.server.StateNotReturned {
		c.connectFor = min(c.connectFor, withoutState)
		c.log.Warn(c.name + ": the server returns no state: " +
			"another site can connect a user who is connecting to an account of its own (see Server.StateNotReturned)")
	}
	if risks := c.risks(); config.Warn && len(risks) > 0 {
		c.log.Warn(c.name+": settings that are dangerous in production", "settings", strings.Join(risks, "; "))
	}
	return c, nil
}

// slug returns a name as used in log messages, cookies and session keys.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

// Format writes the client ID for every verb, because a Connector holds
// secrets.
func (c *Connector) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "connect.Connector(%s)", c.application.ClientID)
}

// check returns the parsed redirect URL and the realm, or an error that names
// every invalid field.
func (c Config) check() (redirect *url.URL, realm string, err error) {
	name := cmp.Or(slug(c.Server.Name), "connect")
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf(name+": Config."+format, args...))
	}
	if err := c.Server.check(); err != nil {
		bad("Server.%w", err)
	}
	for _, field := range []struct{ name, value string }{
		{"ClientID", c.ClientID}, {"ClientSecret", c.ClientSecret.Reveal()},
	} {
		if hasControl(field.value) || strings.TrimSpace(strings.Trim(field.value, byteOrderMark)) != field.value {
			bad("%s has white space, a byte order mark or a control character: trim what was read from the file", field.name)
		}
	}
	if c.ClientID == "" {
		bad("ClientID is empty: set it to the application's id at %s", c.Server.Name)
	}
	switch {
	case c.Server.PublicClient && c.ClientSecret != "":
		bad("ClientSecret is set for a public client, which has none")
	case !c.Server.PublicClient && c.ClientSecret == "":
		bad("ClientSecret is empty: set it to the application's secret at %s", c.Server.Name)
	}
	if token, err := CheckEndpoint(c.Server.Endpoint.TokenURL); err == nil {
		if realm = c.realm(token); problemOfRealm(realm) != "" {
			bad("Realm: with the server, and ClientID unless Realm is set, the realm %s", problemOfRealm(realm))
		}
	}
	redirect, err = CheckEndpoint(c.RedirectURL)
	if err != nil {
		bad("RedirectURL: %w", err)
	} else if strings.ContainsFunc(redirect.Host, mustEscape) {
		bad("RedirectURL: write the host %q in ASCII, as browsers send it: it begins with xn--", redirect.Host)
	} else if !strings.HasPrefix(redirect.Path, "/") || strings.HasSuffix(redirect.Path, "/") || redirect.RawQuery != "" ||
		redirect.ForceQuery || redirect.Path != path.Clean(redirect.Path) {
		bad(
			"RedirectURL: %q must be the URL of the callback handler, such as https://shop.example/%s/callback", c.RedirectURL,
			name,
		)
	} else if last := path.Base(redirect.Path); last == "connect" || last == "disconnect" {
		bad("RedirectURL: its last segment %q is the name of another handler", last)
	}
	for _, scope := range c.Scopes {
		if !c.Server.Scopes.Knows(scope) {
			bad("Scopes: unknown scope %q", scope)
		}
	}
	if c.SignIn && c.User != nil {
		bad("SignIn is set beside User: choose who says who the user is")
	}
	if c.SignIn && c.Server.Identity == nil {
		bad("SignIn needs Server.Identity")
	}
	if _, err := parseSignIn(c.SignInURL); err != nil {
		bad("SignInURL: %w", err)
	}
	if c.SignInURL != "" && c.User == nil {
		bad("SignInURL needs User: without it users sign in with %s, or not at all", c.Server.Name)
	}
	if sessions, ok := c.Sessions.(*scs.SessionManager); ok && sessions != nil &&
		sessions.Cookie.SameSite == http.SameSiteStrictMode {
		bad("Sessions.Cookie.SameSite is Strict: browsers would not send the cookie with the callback, so no user could " +
			"connect: " +
			"set http.SameSiteLaxMode")
	}
	if c.HomePath != "" {
		if _, err := CheckReturnTo(c.HomePath); err != nil {
			bad("HomePath: %q is not a local path", c.HomePath)
		}
	}
	if c.ConnectTimeout < 0 {
		bad("ConnectTimeout is negative")
	}
	if hasControl(c.UserAgent) {
		bad("UserAgent: %.60q has a control character", c.UserAgent)
	}
	for _, field := range []struct {
		name  string
		value any
	}{{"Sessions", c.Sessions}, {"States", c.States}, {"Tokens", c.Tokens}} {
		if v := reflect.ValueOf(field.value); v.IsValid() && v.Kind() == reflect.Pointer && v.IsNil() {
			bad("%s holds a nil %T: leave the field out for the default", field.name, field.value)
		}
	}
	return redirect, realm, errors.Join(problems...)
}
