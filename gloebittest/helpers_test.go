package gloebittest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

const callbackURL = "http://shop.example/gloebit/callback"

// world is a Gloebit with a shop and two users.
type world struct {
	t      *testing.T
	server *gloebittest.Server
	clock  *testkit.Clock
	app    gloebittest.Application
	alice  gloebittest.User
	bob    gloebittest.User
	client *http.Client // follows no redirect
	nonces int
}

func newWorld(t *testing.T, cfg gloebittest.Config) *world {
	t.Helper()
	w := &world{t: t, clock: testkit.NewClock()}
	cfg.Clock = w.clock.Now
	w.server = gloebittest.NewServerConfig(cfg)
	t.Cleanup(w.server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	w.client = &http.Client{
		Transport:     transport,
		CheckRedirect: testkit.Stay,
	}
	var err error
	w.bob, err = w.server.AddUser(gloebittest.User{Name: "bob", Balance: "10"})
	require.NoError(t, err)
	w.alice, err = w.server.AddUser(gloebittest.User{
		Name: "alice", Balance: "1000.5", Params: map[string]any{"hair": "green", "level": 9007199254740993},
	})
	require.NoError(t, err)
	w.app, err = w.server.AddApplication(gloebittest.Application{
		Name: "Hat shop", HomeURL: "http://shop.example/", Owner: w.bob.ID,
		RedirectPrefixes: []string{"http://shop.example/gloebit"},
		Products: []gloebittest.Product{
			{Name: "green-hat", Price: 40}, {Name: "crown", Price: 100, PerUserLimit: 2}, {Name: "sticker"},
			{Name: "a b/c", Price: 1}, {Name: "moon", Price: 1 << 52},
		},
	})
	require.NoError(t, err)
	return w
}

// in returns the same world in another Gloebit.
func (w *world) in(cfg gloebittest.Config) *world {
	w.t.Helper()
	v := newWorld(w.t, cfg)
	var saved bytes.Buffer
	require.NoError(w.t, w.server.Save(&saved))
	require.NoError(w.t, v.server.Load(&saved))
	v.app, v.alice, v.bob = w.app, w.alice, w.bob
	return v
}

// allScopes are the scopes that a token may have in both versions.
func allScopes() []string { return []string{"id", "balance", "transact", "inventory"} }

func (w *world) token(scopes ...string) string {
	w.t.Helper()
	token, err := w.server.IssueToken(w.app.Key, "alice", scopes...)
	require.NoError(w.t, err)
	return token
}

// answer is a response.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	response, err := w.client.Do(r)
	require.NoError(w.t, err)
	return readAnswer(w.t, response)
}

func readAnswer(t *testing.T, response *http.Response) answer {
	t.Helper()
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	a := answer{status: response.StatusCode, header: response.Header, text: string(body)}
	if a.text != "" && strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		dec := json.NewDecoder(strings.NewReader(a.text))
		dec.UseNumber()
		require.NoError(t, dec.Decode(&a.json), a.text)
	}
	return a
}

func (w *world) request(method, path, token, body string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+path, strings.NewReader(body))
	require.NoError(w.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func (w *world) get(path, token string) answer {
	w.t.Helper()
	return w.do(w.request(http.MethodGet, path, token, ""))
}

func (w *world) post(path, token, body string) answer {
	w.t.Helper()
	return w.do(w.request(http.MethodPost, path, token, body))
}

func (w *world) postForm(path string, form url.Values) answer {
	w.t.Helper()
	r := w.request(http.MethodPost, path, "", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(r)
}

// authorizeQuery is a valid authorization request, changed by pairs of name and
// value. A value of "-" omits the parameter.
func (w *world) authorizeQuery(changes ...string) url.Values {
	query := url.Values{
		"client_id": {w.app.Key}, "redirect_uri": {callbackURL}, "response_type": {"code"},
		"scope": {"id balance transact"}, "state": {"s t&t=é"},
	}
	return change(query, changes...)
}

func change(values url.Values, changes ...string) url.Values {
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "-" {
			values.Del(changes[i])
		} else {
			values.Set(changes[i], changes[i+1])
		}
	}
	return values
}

// connect approves as alice and returns the code.
func (w *world) connect(changes ...string) string {
	w.t.Helper()
	require.NoError(w.t, w.server.Approve("alice"))
	a := w.get("oauth2/authorize?"+w.authorizeQuery(changes...).Encode(), "")
	require.Equal(w.t, http.StatusFound, a.status, a.text)
	location, err := url.Parse(a.header.Get("Location"))
	require.NoError(w.t, err)
	require.NotEmpty(w.t, location.Query().Get("code"))
	return location.Query().Get("code")
}

// exchangeForm is a valid token request for the code.
func (w *world) exchangeForm(code string, changes ...string) url.Values {
	return change(url.Values{
		"client_id": {w.app.Key}, "client_secret": {w.app.Secret}, "code": {code},
		"grant_type": {"authorization_code"}, "scope": {"id balance transact"}, "redirect_uri": {callbackURL},
	}, changes...)
}

func (w *world) exchange(code string, changes ...string) answer {
	w.t.Helper()
	return w.postForm("oauth2/access-token", w.exchangeForm(code, changes...))
}

// object is a JSON object as text.
func object(t *testing.T, fields map[string]any) string {
	t.Helper()
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(text)
}

// order is a valid transact body with version A's names, changed by fields. A
// nil value omits the field.
func (w *world) order(changes map[string]any) string {
	body := map[string]any{
		"version": 1, "id": "3f1d0c0e-2c60-4c6e-9d3e-000000000001", "request-created": 1399828892,
		"consumer-key": w.app.Key, "merchant-user-id": "al",
	}
	for name, value := range changes {
		body[name] = value
		if value == nil {
			delete(body, name)
		}
	}
	return object(w.t, body)
}

// hooks serves an application's hold URLs, with responses that tests set.
type hooks struct {
	server *httptest.Server
	mu     sync.Mutex
	calls  []string
	answer map[string]func() (int, string)
}

func newHooks(t *testing.T) *hooks {
	h := &hooks{answer: make(map[string]func() (int, string))}
	h.server = httptest.NewServer(h)
	t.Cleanup(h.server.Close)
	return h
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.calls = append(h.calls, strings.TrimPrefix(r.RequestURI, "/"))
	answer := h.answer[strings.Trim(r.URL.Path, "/")]
	h.mu.Unlock()
	if r.URL.Path == "/moved" {
		http.Redirect(w, r, "/enact", http.StatusFound)
		return
	}
	status, body := http.StatusOK, "[true]"
	if answer != nil {
		status, body = answer()
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// on sets the response to one step.
func (h *hooks) on(step string, status int, body string) {
	h.onFunc(step, func() (int, string) { return status, body })
}

func (h *hooks) onFunc(step string, answer func() (int, string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer[step] = answer
}

// called returns the calls so far, "enact?t=1" and the like.
func (h *hooks) called() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.calls...)
}

// urls are the three hold URLs as fields of a transact body.
func (h *hooks) urls() map[string]any {
	return map[string]any{
		"asset-code": "hat", "gloebit-balance-change": 40,
		"asset-enact-hold-url":   h.server.URL + "/enact?t=1",
		"asset-consume-hold-url": h.server.URL + "/consume?t=1",
		"asset-cancel-hold-url":  h.server.URL + "/cancel?t=1",
	}
}
