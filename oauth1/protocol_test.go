package oauth1_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/oauth1"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// world is a Gloebit and an application that connects to it by OAuth 1.0a.
type world struct {
	t        *testing.T
	gloebit  *gloebittest.Server
	app      gloebittest.Application
	shop     *httptest.Server
	merchant *gloebit.Merchant
	tokens   *connect.MemoryTokenStore
	log      *strings.Builder
	client   *http.Client
}

func newWorld(t *testing.T, changes ...func(*gloebit.Config)) *world {
	t.Helper()
	w := &world{t: t, gloebit: gloebittest.NewServer(), tokens: &connect.MemoryTokenStore{}, log: &strings.Builder{}}
	t.Cleanup(w.gloebit.Close)
	mux := http.NewServeMux()
	w.shop = httptest.NewServer(mux)
	t.Cleanup(w.shop.Close)
	var err error
	w.app, err = w.gloebit.AddApplication(gloebittest.Application{
		Name: "Shop", RedirectPrefixes: []string{w.shop.URL + "/"},
		Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	require.NoError(t, err)
	_, err = w.gloebit.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)
	require.NoError(t, w.gloebit.Approve("alice"))
	config := gloebit.Config{
		ClientID: w.app.Key, ClientSecret: connect.Secret(w.app.Secret),
		RedirectURL: w.shop.URL + "/gloebit/callback",
		Scopes:      []connect.Scope{gloebit.ScopeUser, gloebit.ScopeBalance, gloebit.ScopeTransact, gloebit.ScopeInventory},
		Provider:    gloebit.ProviderAt(w.gloebit.URL),
		Protocol:    oauth1.Protocol{},
		Tokens:      w.tokens,
		SignIn:      true,
		HTTPClient:  &http.Client{Timeout: time.Second},
		Logger:      slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, change := range changes {
		change(&config)
	}
	w.merchant, err = gloebit.New(config)
	require.NoError(t, err)
	mux.Handle("/gloebit/", w.merchant.Handler())
	mux.Handle("/buy", w.merchant.RequireGloebit(http.HandlerFunc(w.buy)))
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{} // a server of httptest that is closed breaks connections of the default one
	t.Cleanup(transport.CloseIdleConnections)
	w.client = &http.Client{Transport: transport, Jar: jar, Timeout: 10 * time.Second}
	return w
}

// buy uses each kind of request: GET, POST with a JSON body, POST without a
// body, and a path with escapes.
func (w *world) buy(rw http.ResponseWriter, r *http.Request) {
	client := gloebit.MustFromContext(r.Context())
	fail := func(err error) bool {
		if err != nil {
			w.merchant.HandleError(rw, r, err)
		}
		return err != nil
	}
	if _, err := client.PurchaseProduct(r.Context(), gloebit.ProductOrder{
		IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 2,
	}); fail(err) {
		return
	}
	left, err := client.ConsumeProduct(r.Context(), "green-hat", 1)
	if fail(err) {
		return
	}
	balance, err := client.Balance(r.Context())
	if fail(err) {
		return
	}
	_, err = client.ConsumeProduct(r.Context(), "a/b c&d=é", 1)
	_, _ = fmt.Fprintf(rw, "%s G$, %d left, %v", balance, left, err)
}

func (w *world) get(target string) (status int, body string, url *url.URL) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, target, nil)
	require.NoError(w.t, err)
	req.Header.Set("Accept", "text/html")
	resp, err := w.client.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp.StatusCode, string(b), resp.Request.URL
}

func TestOAuth1ConnectAndBuy(t *testing.T) {
	w := newWorld(t)
	status, body, page := w.get(w.shop.URL + "/buy?x=1")
	require.Equal(t, http.StatusOK, status, body)
	require.Equal(t, "/buy?x=1", page.RequestURI())
	require.True(t, strings.HasPrefix(body, "920 G$, 1 left, "), body)
	require.NotContains(t, body, "signature", "escaped text is signed as it is sent")
	require.NotContains(t, body, "not connected")
	for _, r := range w.gloebit.Requests() {
		require.NotContains(t, r.RawQuery+r.Header.Get("Authorization"), w.app.Secret)
		if !strings.HasPrefix(r.Path, "/oauth/authorize") {
			require.Contains(t, r.Header.Get("Authorization"), `oauth_signature_method="HMAC-SHA1"`)
		}
	}
	require.NotContains(t, w.log.String(), w.app.Secret)
}

func TestARevokedTokenConnectsAgain(t *testing.T) {
	w := newWorld(t)
	w.get(w.shop.URL + "/buy")
	w.gloebit.RevokeTokens("alice")
	status, body, _ := w.get(w.shop.URL + "/buy")
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, "G$")
}

func TestOAuth1StateIsAcceptedOnce(t *testing.T) {
	w := newWorld(t)
	var callback string
	w.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/gloebit/callback") {
			callback = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	w.get(w.shop.URL + "/gloebit/connect")
	require.Contains(t, callback, "state=")
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	other := &http.Client{}
	resp, err := other.Get(callback)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusBadRequest, resp.StatusCode, "another browser")
	status, body, _ := w.get(callback)
	require.Equal(t, http.StatusSeeOther, status, body)
	status, _, _ = w.get(callback)
	require.Equal(t, http.StatusFound, status, "used before, by a user who is connected")
}

func TestInvalidOAuth1Callbacks(t *testing.T) {
	for name, test := range map[string]struct {
		change func(url.Values)
		status int
	}{
		"no token":             {func(q url.Values) { q.Del("oauth_token") }, 400},
		"no verifier":          {func(q url.Values) { q.Del("oauth_verifier") }, 400},
		"two verifiers":        {func(q url.Values) { q.Add("oauth_verifier", "x") }, 400},
		"another token":        {func(q url.Values) { q.Set("oauth_token", "x") }, 400},
		"a verifier it is not": {func(q url.Values) { q.Set("oauth_verifier", "x") }, 502},
		"denied, as by Twitter": {func(q url.Values) {
			q.Del("oauth_verifier")
			q.Del("oauth_token")
			q.Set("denied", "x")
		}, 403},
		"denied, as by Yahoo": {func(q url.Values) {
			q.Del("oauth_verifier")
			q.Set("oauth_problem", "user_refused")
		}, 403},
		"another problem": {func(q url.Values) {
			q.Del("oauth_verifier")
			q.Set("oauth_problem", "token_expired")
		}, 400},
		"denied without a state": {func(q url.Values) { clear(q); q.Set("denied", "x") }, 400},
		"no state":               {func(q url.Values) { q.Del("state") }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var callback *url.URL
			w.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
				if strings.HasPrefix(r.URL.Path, "/gloebit/callback") {
					callback = r.URL
					return http.ErrUseLastResponse
				}
				return nil
			}
			w.get(w.shop.URL + "/gloebit/connect")
			query := callback.Query()
			test.change(query)
			callback.RawQuery = query.Encode()
			w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			status, body, _ := w.get(callback.String())
			require.Equal(t, test.status, status, body)
			require.Empty(t, w.userIDs(), "no token was stored")
		})
	}
}

func (w *world) userIDs() (ids []string) {
	for id, err := range w.tokens.UserIDs(w.t.Context(), w.merchant.Realm()) {
		require.NoError(w.t, err)
		ids = append(ids, id)
	}
	return ids
}

func TestMissingRequestToken(t *testing.T) {
	for name, test := range map[string]struct {
		fault  gloebittest.Fault
		status int
	}{
		"refuses":       {gloebittest.Fault{Status: 401, Body: "oauth_problem=consumer_key_unknown"}, 502},
		"is broken":     {gloebittest.Fault{Status: 500, Body: "canary-in-the-body"}, 502},
		"answers JSON":  {gloebittest.Fault{Body: `{"oauth_token":"canary-in-the-body"}`}, 502},
		"is too much":   {gloebittest.Fault{Body: strings.Repeat("x", 1<<20)}, 502},
		"redirects":     {gloebittest.Fault{Status: 302, Header: http.Header{"Location": {"/elsewhere"}}}, 502},
		"hangs up":      {gloebittest.Fault{Drop: true}, 502},
		"is slow":       {gloebittest.Fault{Latency: 3 * time.Second}, 504},
		"not confirmed": {gloebittest.Fault{Body: "oauth_token=a&oauth_token_secret=canary-in-the-body"}, 502},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			test.fault.Path = "oauth/request-token"
			w.gloebit.Inject(test.fault)
			status, body, _ := w.get(w.shop.URL + "/gloebit/connect")
			require.Equal(t, test.status, status, body)
			require.NotContains(t, w.log.String()+body, "canary-in-the-body")
		})
	}
}

func TestFinishRequiresBegin(t *testing.T) {
	_, err := oauth1.Protocol{}.Finish(context.Background(), connect.Application{}, url.Values{}, "a PKCE verifier", nil)
	require.ErrorIs(t, err, connect.ErrInvalidState)
}
