package gloebit

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
)

// ApprovalPrompt says whether Gloebit asks a user who approved before again.
type ApprovalPrompt string

// The approval prompts that Gloebit knows. Empty leaves the choice to Gloebit,
// which takes it for PromptForce.
const (
	PromptForce ApprovalPrompt = "force" // ask, make a new token and discard the old one
	PromptAuto  ApprovalPrompt = "auto"  // hand back the token that there is, maybe without asking
)

// Config says who the application is and what it keeps where. ClientID,
// ClientSecret, RedirectURL and Provider must be set.
type Config struct {
	// ClientID is the application's key from Gloebit's merchant page.
	ClientID string
	// ClientSecret is the application's secret from the same page.
	ClientSecret Secret
	// RedirectURL is the absolute URL of the callback handler as browsers see
	// it, registered at Gloebit. It is https, or http on a loopback address.
	// The connect and disconnect handlers are its siblings: next to
	// https://shop.example/gloebit/callback they are /gloebit/connect and
	// /gloebit/disconnect.
	RedirectURL string
	// Scopes is what every user is asked for. The default is ScopeID and
	// ScopeTransact. When Provider.Vintage is set, the permission of identity
	// is sent under the name that this vintage has for it.
	Scopes []Scope
	// Provider is the server: Production, Sandbox or At. The zero value is
	// refused.
	Provider Provider
	// Flow is the protocol by which users authorize. Nil means OAuth 2.0.
	Flow Flow

	// Sessions is the application's *scs.SessionManager, whose LoadAndSave
	// must be around all handlers of this package, or another SessionStore.
	// Nil means sessions of the package's own, in memory, which its handlers
	// and middleware load and save themselves.
	Sessions SessionStore
	// States keeps connections that are under way. Nil means a
	// MemoryStateStore; replicas need a shared one.
	States StateStore
	// Tokens keeps the users' credentials. Nil means a MemoryTokenStore, which
	// forgets them at a restart; replicas need a shared one.
	Tokens TokenStore

	// User tells who makes a request: the application's own user. It returns
	// ErrNoUser, or a User without an ID, when nobody is signed in: that leads
	// to SignInURL, or without one becomes a 401 without a way to connect. Any
	// other error becomes a 503. Nil means that Gloebit tells with SignIn, and
	// that the session is the user without.
	User func(*http.Request) (User, error)
	// SignInURL is where users sign in to the application: a local path, or an
	// absolute URL on https, or on http with a loopback address. It needs User.
	// When User knows nobody, a page load is redirected there (303), the 401
	// for a script has the member sign_in_url, and a page has a link. The query
	// parameter return_to says where to come back to: a local path, as the
	// browser sees it, or the page's absolute URL when SignInURL has another
	// host than RedirectURL. It is left out where that is not known. A sign-in
	// page must check return_to before it redirects there, and must not be
	// behind RequireGloebit. The default is a page without a link.
	SignInURL string
	// SignIn makes the Gloebit identity the user: who connects is signed in,
	// who disconnects is signed out. It needs an identity scope, and no User.
	SignIn bool

	// HomePath is the local path to go to after connecting and disconnecting
	// when no return_to was given. Empty means "/".
	HomePath string
	// ApprovalPrompt is sent along to the authorization page. Empty sends none.
	ApprovalPrompt ApprovalPrompt
	// ConnectTimeout is how long a user may take between connect and callback.
	// Zero means ten minutes.
	ConnectTimeout time.Duration

	// Limit is asked whether to go on before a connection is started or
	// completed: by the connect and callback handlers before they look at a
	// session, store or server, and by AuthorizationURL and Exchange. An error
	// refuses the request with 429 (RFC 6585 section 4); a LimitError says when
	// to come again. Behind a proxy, RemoteAddr is the proxy's. Nil refuses
	// nothing.
	Limit func(*http.Request) error

	// HTTPClient calls Gloebit. Nil means one of the package's own. A Timeout
	// of zero becomes 15 seconds, and redirects are never followed. Of an error
	// of its Transport only the kind is kept, such as a *net.OpError or the
	// context's: others may quote what was sent.
	HTTPClient *http.Client
	// UserAgent is the User-Agent header of every request to Gloebit. The
	// default is "go-gloebit", with the version of this module when the program
	// was built with a released one, such as "go-gloebit/v1.2.3".
	UserAgent string
	// Logger gets one record for each connection, disconnection and failure,
	// with ids and never with a secret, and one from New with the settings
	// that are dangerous with Production. Nil means silence.
	Logger *slog.Logger
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time

	// OnConnect is called when a user has approved and the tokens are there,
	// before they are saved. An error refuses the connection; nothing is then
	// saved, and ErrorHandler gets the error. Nil does nothing.
	OnConnect func(*http.Request, Connection) error
	// OnDisconnect is called when a user's credential was removed by the
	// disconnect handler. An error goes to ErrorHandler. Nil does nothing.
	OnDisconnect func(*http.Request, User) error
	// ErrorHandler answers a request that failed; StatusCode gives the status
	// that fits, a ConnectError where the user wanted to go, and WriteError
	// answers as without a handler. Nil means a plain page, or problem+json
	// (RFC 9457) for those who don't ask for HTML. It must not show err to the
	// user. It may use a variable that holds the Merchant by the time a request
	// comes.
	ErrorHandler func(http.ResponseWriter, *http.Request, error)
}

// Merchant connects an application's users to Gloebit and charges them. Make it
// with [New]. It is read-only afterwards and safe for concurrent use.
type Merchant struct {
	id           string // tells this merchant's sessions and states from another's
	keys         sessionKeys
	application  Application
	flow         Flow
	provider     Provider
	sessions     SessionStore
	ownSessions  *ownSessions // nil with the application's
	states       checkedStates
	tokens       checkedTokens
	config       Config
	scopes       []Scope
	redirect     *url.URL
	callbackPath string // paths as browsers see them
	connectPath  string
	leavePath    string
	homePath     string
	connectFor   time.Duration
	http         *http.Client
	api          *http.Client // http without its Timeout, which each attempt of a call has by itself
	log          *slog.Logger
	clock        func() time.Time
	userAgent    string
	signIn       *url.URL // nil without Config.SignInURL
	crossOrigin  *http.CrossOriginProtection
	refreshing   *singleflight.Group
	retryDelay   time.Duration // before the first retry, on average
	refreshFor   time.Duration // with the wait for others who hold the user
}

// New checks the configuration and makes a Merchant of it. Its error names
// every field that can't be used. It makes no network connection and starts no
// goroutine.
func New(config Config) (*Merchant, error) {
	redirect, err := config.check()
	if err != nil {
		return nil, err
	}
	m := &Merchant{
		flow:         config.Flow,
		provider:     config.Provider,
		sessions:     config.Sessions,
		config:       config,
		scopes:       unionScopes(config.Scopes),
		redirect:     redirect,
		callbackPath: redirect.Path,
		connectPath:  path.Join(path.Dir(redirect.Path), "connect"),
		leavePath:    path.Join(path.Dir(redirect.Path), "disconnect"),
		homePath:     orDefault(config.HomePath, "/"),
		connectFor:   orDefault(config.ConnectTimeout, 10*time.Minute),
		http:         newHTTPClient(config.HTTPClient),
		userAgent:    config.UserAgent,
		log:          config.Logger,
		clock:        config.Clock,
		crossOrigin:  http.NewCrossOriginProtection(),
		refreshing:   new(singleflight.Group),
		retryDelay:   200 * time.Millisecond,
		refreshFor:   time.Minute,
	}
	m.signIn, err = parseSignIn(config.SignInURL)
	if err != nil {
		return nil, err
	}
	api := *m.http
	api.Timeout = 0
	m.api = &api
	m.id = hash(config.ClientID + " " + config.Provider.APIURL)[:12]
	m.keys = newSessionKeys(m.id)
	if len(m.scopes) == 0 {
		m.scopes = []Scope{ScopeID, ScopeTransact}
	}
	if m.provider.Name == "" {
		m.provider.Name = "Gloebit"
	}
	if m.userAgent == "" {
		m.userAgent = defaultUserAgent()
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.clock == nil {
		m.clock = time.Now
	}
	m.states = checkedStates{config.States, m.clock}
	if config.States == nil {
		m.states.store = &MemoryStateStore{Clock: m.clock}
	}
	m.tokens = checkedTokens{config.Tokens, m.clock}
	if config.Tokens == nil {
		m.tokens.store = &MemoryTokenStore{Clock: m.clock}
	}
	if m.sessions == nil {
		m.ownSessions = newOwnSessions(redirect.Scheme == "https", "gloebit-"+m.id, m.sessionFailed)
		m.sessions = m.ownSessions
	}
	if m.flow == nil {
		m.flow = oauth2Flow{}
	} else {
		m.flow = redactingFlow{m.flow}
	}
	m.application = Application{
		ClientID:     config.ClientID,
		ClientSecret: config.ClientSecret,
		RedirectURL:  config.RedirectURL,
		Provider:     m.provider,
		HTTPClient:   named(m.http, m.userAgent),
		Clock:        m.clock,
	}
	// Behind a proxy the Host that the application sees may not be its own.
	if err := m.crossOrigin.AddTrustedOrigin(redirect.Scheme + "://" + redirect.Host); err != nil {
		return nil, fmt.Errorf("gloebit: Config.RedirectURL: %w", err)
	}
	if risks := m.risks(); len(risks) > 0 {
		m.log.Warn("gloebit: settings that are dangerous in production", "settings", strings.Join(risks, "; "))
	}
	return m, nil
}

// check returns the parsed redirect URL, or an error that names every field
// that can't be used.
func (c Config) check() (*url.URL, error) {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("gloebit: Config."+format, args...))
	}
	if c.ClientID == "" {
		bad("ClientID is empty: set it to the key on Gloebit's merchant page")
	}
	if c.ClientSecret == "" {
		bad("ClientSecret is empty: set it to the secret on Gloebit's merchant page")
	}
	if err := c.Provider.check(); err != nil {
		problems = append(problems, err)
	}
	redirect, err := checkEndpoint(c.RedirectURL)
	if err != nil {
		bad("RedirectURL: %w", err)
	} else if !strings.HasPrefix(redirect.Path, "/") || strings.HasSuffix(redirect.Path, "/") || redirect.RawQuery != "" || redirect.ForceQuery || redirect.Path != path.Clean(redirect.Path) {
		bad("RedirectURL: %q must be the URL of the callback handler, such as https://shop.example/gloebit/callback", c.RedirectURL)
	} else if last := path.Base(redirect.Path); last == "connect" || last == "disconnect" {
		bad("RedirectURL: its last segment %q is the name of another handler", last)
	}
	for _, scope := range c.Scopes {
		if !scope.known() {
			bad("Scopes: unknown scope %q", scope)
		}
	}
	if c.SignIn && c.User != nil {
		bad("SignIn is set beside User: choose who says who the user is")
	}
	if c.SignIn && len(c.Scopes) > 0 && len(missingScopes(c.Scopes, []Scope{ScopeUser})) > 0 {
		bad("SignIn needs ScopeUser or ScopeID among Scopes")
	}
	if _, err := parseSignIn(c.SignInURL); err != nil {
		bad("SignInURL: %w", err)
	}
	if c.SignInURL != "" && c.User == nil {
		bad("SignInURL needs User: without it users sign in with Gloebit, or not at all")
	}
	if c.HomePath != "" {
		if _, err := checkReturnTo(c.HomePath); err != nil {
			bad("HomePath: %q is not a local path", c.HomePath)
		}
	}
	if !slices.Contains([]ApprovalPrompt{"", PromptForce, PromptAuto}, c.ApprovalPrompt) {
		bad("ApprovalPrompt: unknown value %q", c.ApprovalPrompt)
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
	return redirect, errors.Join(problems...)
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// longestReplyHeader is the most that is read of a reply before its body: net/http
// would take 10 MiB.
const longestReplyHeader = 64 << 10

// newHTTPClient returns a copy of the given client that follows no redirect, so
// that no secret goes where the provider did not say.
func newHTTPClient(given *http.Client) *http.Client {
	client := new(http.Client)
	if given != nil {
		*client = *given
	} else if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = transport.Clone()
		transport.MaxIdleConnsPerHost = 64
		transport.MaxResponseHeaderBytes = longestReplyHeader
		client.Transport = transport
	}
	client.Timeout = orDefault(client.Timeout, 15*time.Second) // connecting, TLS, header and body together
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}
