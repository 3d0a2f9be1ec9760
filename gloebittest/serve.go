package gloebittest

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody is the greatest length of a request's body, in bytes.
const maxBody = 1 << 20

// New returns a Gloebit without users and applications. It starts no goroutine:
// to make callbacks, call [Gloebit.Run] or [Gloebit.Settle].
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
		cfg.APIVersion = VersionA
	}
	g := &Gloebit{
		cfg:              cfg,
		routes:           newRoutes(cfg.APIVersion),
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

// ServeHTTP serves OAuth 2.0 and 1.0a, the pages for purchases and
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

// serve answers a request that matched no fault.
func (g *Gloebit) serve(w http.ResponseWriter, r *http.Request) {
	rt, args, ok := g.route(r.URL)
	switch {
	case !ok:
		writeJSON(w, http.StatusNotFound, failure("unknown path"))
	case !slices.Contains(rt.methods, r.Method):
		w.Header().Set("Allow", strings.Join(rt.methods, ", "))
		writeJSON(w, http.StatusMethodNotAllowed, failure("method not allowed"))
	case rt.page != nil:
		rt.page(g, w, r)
	default:
		g.serveAPI(w, r, rt, args)
	}
}

// fail answers a request with a fault.
func (g *Gloebit) fail(w http.ResponseWriter, r *http.Request, f *Fault) {
	if !pause(r.Context(), f.Latency) {
		return
	}
	got := &heldAnswer{header: make(http.Header)}
	if f.works() {
		g.serve(got, r)
	}
	if f.Drop && f.TruncateAt == 0 {
		panic(http.ErrAbortHandler)
	}
	if f.replaces() {
		got = f.answer()
	}
	for name, values := range f.Header {
		got.header[http.CanonicalHeaderKey(name)] = values
	}
	body := got.body.Bytes()
	whole := len(body)
	if f.TruncateAt > 0 && f.TruncateAt < whole {
		body = body[:f.TruncateAt]
	}
	if !f.Drop {
		whole = len(body)
	}
	maps.Copy(w.Header(), got.header)
	w.Header().Set("Content-Length", strconv.Itoa(whole))
	w.WriteHeader(cmp.Or(got.status, http.StatusOK))
	_, _ = w.Write(body)
	if f.Drop {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// route returns the route of a URL and the decoded path segments after its
// name. A trailing slash is ignored unless Config.Strict is set.
func (g *Gloebit) route(u *url.URL) (route, []string, bool) {
	segments := strings.Split(trimSlashes(u.EscapedPath()), "/")
	for n := min(2, len(segments)); n > 0; n-- {
		rt, ok := g.routes[strings.Join(segments[:n], "/")]
		if !ok {
			continue
		}
		args, ok := unescapeAll(segments[n:])
		if g.cfg.Strict && !rt.written(u.EscapedPath()) {
			return rt, args, false
		}
		args = rt.joinName(args)
		return rt, args, ok && (len(args) == 0 && rt.args == nil || slices.Contains(rt.args, len(args)))
	}
	return route{}, nil, false
}

// joinName joins the segments of a product's name, which comes before the
// count. The published Python clients leave its slashes unescaped.
func (rt route) joinName(args []string) []string {
	if len(rt.args) == 0 {
		return args
	}
	name, count := slices.Max(rt.args)-2, len(args)-1
	if name < 0 || count <= name+1 {
		return args
	}
	return append(args[:name:name], strings.Join(args[name:count], "/"), args[count])
}

func unescapeAll(segments []string) ([]string, bool) {
	decoded := make([]string, len(segments))
	for i, segment := range segments {
		var err error
		if decoded[i], err = url.PathUnescape(segment); err != nil {
			return nil, false
		}
	}
	return decoded, true
}

// Asking returns the application in an oauth2/authorize, oauth/authorize or
// authorize-subscription URL, without its Secret and Products, and whether
// there is one.
func (g *Gloebit) Asking(u *url.URL) (Application, bool) {
	_, args, _ := g.route(u)
	query := u.Query()
	g.mu.Lock()
	defer g.mu.Unlock()
	var key string
	switch path := trimSlashes(u.Path); {
	case path == "oauth2/authorize" || path == conditionalAuthorize:
		if key = query.Get("r"); query.Has("client_id") {
			key = query.Get("client_id")
		}
	case path == "oauth/authorize":
		if t := g.requestTokenOf(query.Get("oauth_token")); t != nil {
			key = t.application
		}
	case len(args) == 1 && strings.HasPrefix(path, "authorize-subscription/"):
		if s := g.subscriptionAuthorization(args[0]); s != nil {
			key = s.Application
		}
	}
	app := g.application(key)
	if app == nil {
		return Application{}, false
	}
	c := app.clone()
	c.Secret, c.Products = "", nil
	return c, true
}

// statusWriter records the status for the log.
type statusWriter struct {
	http.ResponseWriter
	status int // 0 before the header is sent
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

// Unwrap lets http.ResponseController reach the underlying writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// bufferBody replaces the request's body with a buffered copy, so that it can
// be recorded and read again. If it can't, it returns the status of the
// response.
func bufferBody(w http.ResponseWriter, r *http.Request) (status int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge
	case err != nil:
		return http.StatusBadRequest
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return 0
}
