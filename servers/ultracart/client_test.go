package ultracart_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/servers/ultracart"
	"github.com/go-gloebit/gloebit/servers/ultracart/ultracarttest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func contextThatEnds(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

// TestCalls checks what is sent to the API.
func TestCalls(t *testing.T) {
	w := newWorld(t, ultracarttest.Config{})
	account := w.account(t)
	client := ultracart.NewClient(account)
	require.NoError(t, client.Do(t.Context(), http.MethodPost, "order/orders?_expand=items", map[string]int{"a": 1}, nil))
	requests := w.Requests(ordersPath)
	sent := requests[len(requests)-1]
	require.Equal(t, "POST", sent.Method)
	require.Equal(t, "items", sent.Query.Get("_expand"))
	require.JSONEq(t, `{"a":1}`, string(sent.Body))
	require.Equal(t, "application/json; charset=UTF-8", sent.Header.Get("Content-Type"))
	require.Equal(t, "application/json", sent.Header.Get("Accept"))
	require.Equal(t, "2017-03-01", sent.Header.Get("X-UltraCart-Api-Version"))
	require.Equal(t, "Bearer "+account.Credential().AccessToken.Reveal(), sent.Header.Get("Authorization"))

	require.NoError(t, client.Do(t.Context(), http.MethodGet, "/order/orders", nil, nil))
	requests = w.Requests(ordersPath)
	require.Empty(t, requests[len(requests)-1].Header.Get("Content-Type"))

	resp, err := account.HTTPClient().Get(w.url + "/order/orders") // the version is the server's, not the client's
	require.NoError(t, err)
	require.Equal(t, 200, testkit.Read(t, resp).Status)

	require.ErrorIs(
		t, client.Do(t.Context(), http.MethodPost, "/order/orders", make(chan int), nil), connect.ErrInvalidRequest,
	)
	require.ErrorIs(t, client.Do(t.Context(), "BAD METHOD", "/order/orders", nil, nil), connect.ErrInvalidRequest)
	plain := &ultracart.Client{Base: w.url}
	require.ErrorContains(
		t, plain.Do(t.Context(), http.MethodGet, "/order/orders", nil, nil), "status 401: unauthorized: Bad credentials.",
	)
}

// TestBadCallAnswers checks that each unusable response of the API is an
// APIError with the status and the server's text.
func TestBadCallAnswers(t *testing.T) {
	details := &ultracart.Error{DeveloperMessage: "d", ErrorCode: "c", MoreInfo: "m", ObjectID: "o", UserMessage: "u"}
	const model = `{"error":{"developer_message":"d","error_code":"c",` +
		`"more_info":"m","object_id":"o","user_message":"u"},"success":false}`
	for name, test := range map[string]struct {
		fault oauthtest.Fault
		want  ultracart.APIError
		is    []error
	}{
		"page": {
			oauthtest.Page(200, "Welcome"), ultracart.APIError{Status: 200, Text: "the body is not JSON"},
			[]error{connect.ErrInvalidResponse},
		},
		"empty": {
			oauthtest.Empty(200), ultracart.APIError{Status: 200, Text: "the body is empty"},
			[]error{connect.ErrInvalidResponse},
		},
		"list": {
			oauthtest.JSON(200, `[]`), ultracart.APIError{Status: 200, Text: "the body is not a JSON object"},
			[]error{connect.ErrInvalidResponse},
		},
		"cut off": {
			oauthtest.CutOff(5), ultracart.APIError{Status: 200, Text: "the body ends too early: unexpected EOF"},
			[]error{connect.ErrInvalidResponse},
		},
		"error inside a 200": {oauthtest.JSON(200, model),
			ultracart.APIError{Status: 200, Code: "c", Text: "u", Details: details}, []error{connect.ErrInvalidResponse}},
		"400": {oauthtest.JSON(400, model, "UC-REST-ERROR", "Bad input.", "UC-REST-ERROR-MERCHANT-ID", "DEMO"),
			ultracart.APIError{
				Status: 400, Code: "c", Text: "Bad input.", Details: details, MerchantID: "DEMO",
			}, []error{connect.ErrInvalidResponse}},
		"500": {
			oauthtest.JSON(500, `{}`, "UC-REST-ERROR", "It failed."), ultracart.APIError{Status: 500, Text: "It failed."},
			[]error{connect.ErrUnavailable},
		},
		"401": {oauthtest.Unauthorized("", model), ultracart.APIError{Status: 401, Code: "c", Text: "u", Details: details},
			[]error{connect.ErrNotConnected, connect.ErrTokenRefused}},
		"410": {oauthtest.JSON(410, `{}`, "UC-REST-ERROR", "Disabled."), ultracart.APIError{Status: 410, Text: "Disabled."},
			[]error{connect.ErrNotConnected, connect.ErrTokenRefused}},
		"429": {oauthtest.Answer(
			429, "", "UC-REST-ERROR", "rate of 10000 per 86400 second(s) exceeded.", "Retry-After", "900",
		),
			ultracart.APIError{
				Status: 429, Text: "rate of 10000 per 86400 second(s) exceeded.", RetryAfter: 15 * time.Minute,
			}, []error{connect.ErrUnavailable}},
		"301": {
			oauthtest.Moved("https://elsewhere.example/"), ultracart.APIError{Status: 301},
			[]error{connect.ErrInvalidResponse},
		},
		"token repeated": {func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				oauthtest.Write(w, 403, "", "UC-REST-ERROR", "No entry with "+r.Header.Get("Authorization"))
			})
		}, ultracart.APIError{Status: 403, Text: "No entry with Bearer [redacted]"}, []error{connect.ErrInvalidResponse}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ultracarttest.Config{})
			w.app.Save(t, connect.Credential{AccessToken: w.tokens(t).AccessToken}) // it can't be refreshed
			w.Inject(ordersPath, 1, test.fault)
			var list orders
			err := ultracart.NewClient(w.app.Account(t)).Do(t.Context(), http.MethodGet, "/order/orders", nil, &list)
			var failed *ultracart.APIError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, test.want, *failed)
			for _, is := range test.is {
				require.ErrorIs(t, err, is)
			}
			require.Equal(t, name != "410", w.app.Tokens.Len() == 1, "only a 410 ends the grant")
		})
	}
	t.Run("no answer", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		account := w.account(t)
		w.Inject(ordersPath, 10, oauthtest.Drop()) // net/http retries a GET
		err := ultracart.NewClient(account).Do(t.Context(), http.MethodGet, "/order/orders", nil, nil)
		require.ErrorIs(t, err, connect.ErrUnavailable)
		require.NotContains(t, err.Error(), w.url)
	})
}

// TestTooManyRequests checks which calls wait for Retry-After, and how long.
func TestTooManyRequests(t *testing.T) {
	for name, test := range map[string]struct {
		after  []string
		max    time.Duration
		limit  time.Duration // of the context
		status int
		waited time.Duration
		sent   int
	}{
		"soon":                {[]string{"1"}, 0, 0, 200, time.Second, 2},
		"twice":               {[]string{"5", "10"}, 0, 0, 200, 15 * time.Second, 3},
		"at once":             {[]string{"0"}, 0, 0, 200, time.Second, 2},
		"20 seconds":          {[]string{"20"}, 0, 0, 200, 20 * time.Second, 2},
		"21 seconds":          {[]string{"21"}, 0, 0, 429, 0, 1},
		"more than 20 in all": {[]string{"15", "10"}, 0, 0, 429, 15 * time.Second, 2},
		"a longer wait":       {[]string{"900"}, time.Hour, 0, 200, 15 * time.Minute, 2},
		"no wait":             {[]string{"1"}, -1, 0, 429, 0, 1},
		"no header":           {[]string{""}, 0, 0, 429, 0, 1},
		"beyond the context":  {[]string{"3"}, 0, 3 * time.Second, 429, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := ultracarttest.New(ultracarttest.Config{})
				for _, after := range test.after {
					s.Inject(ordersPath, 1, func(http.Handler) http.Handler {
						return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
							if after != "" {
								w.Header().Set("Retry-After", after)
							}
							w.WriteHeader(429)
						})
					})
				}
				s.Inject(ordersPath, 1, oauthtest.JSON(200, `{}`))
				client := &ultracart.Client{Base: "https://u.example/rest/v2", MaxWait: test.max,
					HTTPClient: &http.Client{Transport: oauthtest.Transport{Handler: s}}}
				ctx := t.Context()
				if test.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.limit)
					defer cancel()
				}
				began := time.Now()
				err := client.Do(ctx, http.MethodPost, "/order/orders", map[string]int{"a": 1}, nil)
				require.Equal(t, test.waited, time.Since(began))
				sent := s.Requests(ordersPath)
				require.Len(t, sent, test.sent)
				require.JSONEq(t, `{"a":1}`, string(sent[len(sent)-1].Body))
				if test.status == 200 {
					require.NoError(t, err)
					return
				}
				var failed *ultracart.APIError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, test.status, failed.Status)
			})
		})
	}
	t.Run("token and revoke requests", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := ultracarttest.New(ultracarttest.Config{})
			o := ultracart.OAuth{Server: ultracart.Server("https://u.example/rest/v2"), ClientID: "app",
				HTTPClient: &http.Client{Transport: oauthtest.Transport{Handler: s}}}
			s.Inject(tokenPath, 1, oauthtest.TooMany(1))
			s.Inject(tokenPath, 1, oauthtest.JSON(200, `{"access_token":"a"}`))
			s.Inject(revokePath, 1, oauthtest.TooMany(1))
			s.Inject(revokePath, 1, oauthtest.JSON(200, `{"successful":true}`))
			began := time.Now()
			_, err := o.AccessToken(t.Context(), ultracart.TokenRequest{GrantType: ultracart.RefreshToken, RefreshToken: "r"})
			require.NoError(t, err)
			_, err = o.Revoke(t.Context(), "a")
			require.NoError(t, err)
			require.Equal(t, 2*time.Second, time.Since(began))
		})
	})
	t.Run("ended while waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := ultracarttest.New(ultracarttest.Config{})
			s.Inject(ordersPath, 1, oauthtest.TooMany(10))
			client := &ultracart.Client{Base: "https://u.example/rest/v2", HTTPClient: &http.Client{
				Transport: oauthtest.Transport{Handler: s},
			}}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			require.ErrorIs(t, client.Do(ctx, http.MethodGet, "/order/orders", nil, nil), context.Canceled)
		})
	})
	t.Run("at the same time", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{Parallel: 1})
		account := w.account(t)
		held, release := make(chan struct{}), make(chan struct{})
		w.Inject(ordersPath, 1, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				close(held)
				<-release
				next.ServeHTTP(rw, r)
			})
		})
		done := make(chan error)
		client := ultracart.NewClient(account)
		go func() { done <- client.Do(t.Context(), http.MethodGet, "/order/orders", nil, nil) }()
		<-held
		refused := *client
		refused.MaxWait = -1
		err := refused.Do(t.Context(), http.MethodGet, "/order/orders", nil, nil)
		var failed *ultracart.APIError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, 429, failed.Status)
		require.Equal(t, time.Second, failed.RetryAfter)
		close(release)
		require.NoError(t, <-done)
	})
}

// TestMiddleware follows a merchant through an application.
func TestMiddleware(t *testing.T) {
	t.Run("connect and call", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		require.Equal(t, "DEMO-1", w.app.Page(t).Body)
		account := w.app.Account(t)
		require.Equal(t, []connect.Scope{"order_read"}, account.Scopes())
		require.Equal(t, w.app.Clock.Now().Add(time.Hour), account.Credential().TokenExpiry, "from a string")
		sent := w.Requests(tokenPath)[0]
		require.Equal(t, "app", sent.Form.Get("client_id"))
		require.Equal(t, w.app.Callback(), sent.Form.Get("redirect_uri"))
		require.False(t, sent.Form.Has("client_secret"))
		require.Empty(t, sent.Header.Get("Authorization"))
		require.Equal(t, "2017-03-01", sent.Header.Get("X-UltraCart-Api-Version"))
	})
	for name, config := range map[string]ultracarttest.Config{
		"expired among 100 requests": {}, "expired among 100 requests with rotation": {Rotate: true, NumberExpiry: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, config)
			account := w.account(t)
			refresh := account.Credential().RefreshToken
			came := make(chan struct{}, 50)
			w.Inject(ordersPath, 50, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if came <- struct{}{}; len(came) == 50 {
						w.clock.Advance(2 * time.Hour)
					}
					next.ServeHTTP(rw, r)
				})
			})
			testkit.Together(t, 100, func() {
				var list orders
				assert.NoError(t, ultracart.NewClient(account).Do(t.Context(), http.MethodGet, "/order/orders", nil, &list))
				assert.Len(t, list.Orders, 1)
			})
			require.Equal(t, 1, w.count("refresh_token"))
			require.Equal(t, !config.Rotate, refresh == w.app.Account(t).Credential().RefreshToken)
		})
	}
	t.Run("refused inside a 200", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{ErrorsIn200: true})
		w.account(t)
		w.app.Save(t, connect.Credential{AccessToken: "unknown-token", RefreshToken: "unknown-token"})
		err := ultracart.NewClient(w.app.Account(t)).Do(t.Context(), http.MethodGet, "/order/orders", nil, nil)
		require.ErrorIs(t, err, connect.ErrNotConnected)
		require.Zero(t, w.app.Tokens.Len())
	})
	t.Run("disabled, seen by a call", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		account := w.account(t)
		w.Disable("app")
		err := ultracart.NewClient(account).Do(t.Context(), http.MethodGet, "/order/orders", nil, nil)
		require.ErrorIs(t, err, connect.ErrNotConnected)
		require.ErrorContains(t, err, "status 410: gone: The application has been disabled.")
		require.Zero(t, w.app.Tokens.Len())
	})
	t.Run("disabled, seen by a refresh", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		w.account(t)
		w.Disable("app")
		w.app.Clock.Advance(2 * time.Hour)
		_, err := w.app.Account(t).Fresh(t.Context(), time.Now().Add(time.Minute))
		require.ErrorIs(t, err, connect.ErrNotConnected)
		require.ErrorContains(t, err, "The application has been disabled.")
		require.Zero(t, w.app.Tokens.Len())
	})
	t.Run("refresh that fails with another kind of body", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		w.account(t)
		w.app.Clock.Advance(2 * time.Hour)
		for _, body := range []string{`{"error":{"error_code":"bad"}}`, `{}`, ``} {
			w.Inject(tokenPath, 1, oauthtest.JSON(400, body, "UC-REST-ERROR", "Bad input."))
			_, err := w.app.Account(t).Fresh(t.Context(), time.Now().Add(time.Minute))
			require.ErrorContains(t, err, "Bad input.")
			require.Equal(t, 1, w.app.Tokens.Len(), "the grant may be good")
		}
	})
	t.Run("busy token endpoint", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		w.Inject(tokenPath, 1, oauthtest.TooMany(0))
		require.Equal(t, "DEMO-1", w.app.Page(t).Body)
		require.Equal(t, 2, w.count("authorization_code"))
	})
	t.Run("disconnect", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		token := w.account(t).Credential().AccessToken.Reveal()
		require.Equal(t, 200, w.app.Disconnect(t).Status)
		require.Zero(t, w.app.Tokens.Len())
		sent := w.Requests(revokePath)
		require.Len(t, sent, 1)
		require.Equal(t, map[string][]string{"client_id": {"app"}, "token": {token}}, map[string][]string(sent[0].Form))
		require.NotContains(t, w.app.Log.String(), "revoked")
	})
	t.Run("disconnect whose revocation fails", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		w.account(t)
		w.Inject(revokePath, 1, oauthtest.Answer(500, "", "UC-REST-ERROR", "It failed."))
		require.Equal(t, 200, w.app.Disconnect(t).Status)
		require.Zero(t, w.app.Tokens.Len())
		require.Contains(t, w.app.Log.String(), "ultracart: status 500: It failed.")
	})
	t.Run("denied", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		w.Decline("merchant")
		page := w.app.Page(t)
		require.Equal(t, 403, page.Status)
		require.ErrorIs(t, w.app.Failed(), connect.ErrAccessDenied)
		require.Empty(t, w.Requests(tokenPath))
		w.Approve("merchant")
		require.Equal(t, "DEMO-1", w.app.Page(t).Body)
	})
	t.Run("authorization that has expired", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		w.Inject(base+"/oauth/authorize", 1, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				query := r.URL.Query()
				to := query.Get("redirect_uri") + "?error=invalid_request&error_description=expired&state=" + query.Get("state")
				oauthtest.Write(rw, 302, "", "Location", to)
			})
		})
		require.Equal(t, 502, w.app.Page(t).Status)
		require.ErrorIs(t, w.app.Failed(), connect.ErrAuthorizationFailed)
		require.ErrorContains(t, w.app.Failed(), "expired")
	})
	t.Run("no secret in the log", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		credential := w.account(t).Credential()
		w.Inject(ordersPath, 1, oauthtest.Page(500, "Server error"))
		require.Equal(t, 503, w.app.Page(t).Status)
		for _, hidden := range []string{credential.AccessToken.Reveal(), credential.RefreshToken.Reveal()} {
			require.NotContains(t, w.app.Log.String(), hidden)
		}
	})
}

// TestStrictServer checks what the test server rejects.
func TestStrictServer(t *testing.T) {
	w := newWorld(t, ultracarttest.Config{})
	client := &http.Client{Transport: w.transport()}
	token := w.tokens(t).AccessToken.Reveal()
	send := func(method, path, body string, header ...string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		read, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(read)
	}
	status, body := send("GET", "/order/orders", "", "Authorization", "Bearer "+token)
	require.Equal(t, 400, status, "without the version")
	require.Contains(t, body, "X-UltraCart-Api-Version")
	status, _ = send("POST", "/oauth/token", `{"client_id":"app"}`, "Content-Type", "application/json")
	require.Equal(t, 400, status, "JSON")
	status, _ = send("GET", "/oauth/token", "")
	require.Equal(t, 405, status)
	status, body = send(
		"POST", "/oauth/revoke", "client_id=app&token=unknown", "Content-Type", "application/x-www-form-urlencoded",
	)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"message":"The token is not known.","successful":false}`, body)
}
