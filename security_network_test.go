package gloebit_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestSecurity24ClientSecretIsInBodyOnly(t *testing.T) {
	w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
	b := w.browser("")
	b.get("/private")
	w.clock.Advance(2 * time.Hour)
	require.Equal(t, http.StatusOK, b.get("/private").status)
	require.Equal(t, 2, w.exchanges(), "for the code and for the refresh token")
	for _, r := range w.gloebit.Requests() {
		require.NotContains(t, r.RawQuery+r.Path, w.app.Secret)
		if !strings.Contains(r.Path, "access-token") {
			require.NotContains(t, fmt.Sprint(r.Header, r.Body), w.app.Secret)
			continue
		}
		require.Equal(t, http.MethodPost, r.Method)
		require.Empty(t, r.RawQuery)
		require.Empty(t, r.Header.Get("Authorization"))
		form, err := url.ParseQuery(r.Body)
		require.NoError(t, err)
		require.Equal(t, []string{w.app.Secret}, form["client_secret"])
		if form.Get("grant_type") == "authorization_code" {
			require.Equal(t, "user balance transact", form.Get("scope"))
		}
	}
}

func TestSecurity24TLSIsVerified(t *testing.T) {
	for name, test := range map[string]struct {
		client func(*httptest.Server) *http.Client
		host   string
		status int
	}{
		"an untrusted certificate": {func(*httptest.Server) *http.Client { return nil }, "127.0.0.1", 502},
		"an untrusted certificate, with an own client": {
			func(*httptest.Server) *http.Client { return &http.Client{Timeout: time.Minute} }, "127.0.0.1", 502,
		},
		"a certificate for another host": {(*httptest.Server).Client, "localhost", 502},
		"a certificate that is good":     {(*httptest.Server).Client, "127.0.0.1", 200},
	} {
		t.Run(name, func(t *testing.T) {
			var w *world
			arrived := 0
			secure := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				arrived++
				w.gloebit.ServeHTTP(rw, r)
			}))
			secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			secure.StartTLS()
			t.Cleanup(secure.Close)
			at := strings.Replace(secure.URL, "127.0.0.1", test.host, 1)
			var client *gloebit.Client
			w = newWorld(t, func(w *world, c *gloebit.Config) {
				c.User, c.HTTPClient = headerUser, test.client(secure)
				c.Provider.TokenURL, c.Provider.APIURL = at+"/oauth2/access-token", at+"/"
			})
			require.Equal(t, test.status, w.browser("ann").get("/private").status)
			token, err := w.gloebit.IssueToken(w.app.Key, "alice", "balance")
			require.NoError(t, err)
			require.NoError(
				t,
				w.tokens.Update(
					t.Context(), keyOf(w.merchant, "u"),
					save(connect.Credential{AccessToken: gloebit.Secret(token), Scopes: []gloebit.Scope{"balance"}}),
				),
			)
			client, err = w.merchant.Client(t.Context(), "u")
			require.NoError(t, err)
			_, err = client.Balance(t.Context())
			if test.status == http.StatusOK {
				require.NoError(t, err)
				require.Equal(t, 4, arrived, "the token, the name, and two balances")
				return
			}
			require.ErrorIs(t, err, gloebit.ErrUnavailable)
			require.Zero(t, arrived, "nothing was sent")
		})
	}
}

func TestSecurity28RedirectsGetNoCredentials(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { t.Error("it went elsewhere") },
	))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, given := range map[string]*http.Client{
			"the package's client":        nil,
			"a client that follows them":  {},
			"a client that wants to know": {CheckRedirect: func(*http.Request, []*http.Request) error { return nil }},
		} {
			t.Run(fmt.Sprint(status, " to ", name), func(t *testing.T) {
				w := newWorld(t, func(_ *world, c *gloebit.Config) { c.HTTPClient = given })
				redirect := gloebittest.Fault{
					Path: "oauth2/access-token", Status: status, Header: http.Header{"Location": {elsewhere.URL}},
				}
				w.gloebit.Inject(redirect)
				require.Equal(t, http.StatusBadGateway, w.browser("").get("/private").status)
				w.gloebit.ClearFaults()
				redirect.Path = "balance"
				w.gloebit.Inject(redirect)
				p := w.browser("").get("/private")
				require.Equal(t, http.StatusTeapot, p.status)
				require.Contains(t, p.body, "a redirect")
			})
		}
	}
}

func TestSecurity28AnswersAreCappedAndTimed(t *testing.T) {
	refuses(t, map[string]badCallback{
		"Gloebit answers too much": {
			injecting(gloebittest.Fault{Body: `{"x":"` + strings.Repeat("x", 1<<20) + `","access_token":"x"}`}), 502,
		},
		"Gloebit grants without end": {
			injecting(gloebittest.Fault{Body: `{"access_token":"token","scope":"user` + strings.Repeat(" x", 8<<10) + `"}`}),
			502,
		},
		"Gloebit redirects the exchange": {
			injecting(gloebittest.Fault{Status: 307, Header: http.Header{"Location": {"/elsewhere"}}}), 502,
		},
	})
	t.Run("a name without end is not kept whole", func(t *testing.T) {
		w := newWorld(t, func(_ *world, c *gloebit.Config) { c.SignIn = true })
		w.gloebit.Inject(gloebittest.Fault{
			Path: "user", Body: `{"success":true,"id":"1","name":"` + strings.Repeat("n", 1e6) + `"}`,
		})
		w.mux.Handle("/name", w.merchant.RequireGloebit(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(rw, gloebit.MustFromContext(r.Context()).User().Name)
		})))
		name := w.browser("").get("/name")
		require.Equal(t, http.StatusOK, name.status)
		require.Regexp(t, "^n{1,900}", name.body)
		require.Less(t, len(name.body), 1000)
	})
	t.Run("an ID without a limit is rejected", func(t *testing.T) {
		w := newWorld(t, func(_ *world, c *gloebit.Config) { c.SignIn = true })
		w.gloebit.Inject(gloebittest.Fault{
			Path: "user", Body: `{"success":true,"id":"` + strings.Repeat("1", 256) + `","name":"n"}`,
		})
		require.Equal(t, http.StatusBadGateway, w.browser("").get("/gloebit/connect").status)
		require.NotContains(t, w.log.String(), strings.Repeat("1", 256))
	})
	t.Run("a slow exchange is given up", func(t *testing.T) {
		w := newWorld(t, func(_ *world, c *gloebit.Config) { c.HTTPClient = &http.Client{Timeout: 100 * time.Millisecond} })
		w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Latency: time.Minute})
		require.Equal(t, http.StatusGatewayTimeout, w.browser("").get("/private").status)
		require.Zero(t, w.tokens.Len())
	})
	t.Run("a long reply is not read to its end", func(t *testing.T) {
		read := &countingReader{}
		client, _, _ := clientOf(t, nil, func(c *gloebit.Config, _ *connect.Credential) {
			c.HTTPClient = &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: io.NopCloser(read), Header: http.Header{}}, nil
			})}
		})
		_, err := client.Balance(t.Context())
		require.ErrorIs(t, err, gloebit.ErrInvalidResponse)
		require.ErrorContains(t, err, "1 MiB")
		require.Less(t, read.n, 2<<20)
	})
	t.Run("every request has a timeout", func(t *testing.T) {
		var waits []time.Duration
		hangs := &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			deadline, ok := r.Context().Deadline()
			if !ok {
				deadline = time.Now().Add(100 * time.Hour)
			}
			waits = append(waits, time.Until(deadline))
			return nil, io.ErrUnexpectedEOF
		})}
		w := newWorld(t, func(_ *world, c *gloebit.Config) { c.HTTPClient = hangs })
		require.Equal(t, http.StatusBadGateway, w.browser("").get("/private").status)
		require.Len(t, waits, 1, "the exchange")
		require.NoError(t, w.tokens.Update(t.Context(), keyOf(w.merchant, "u"), save(connect.Credential{AccessToken: "x"})))
		client, err := w.merchant.Client(t.Context(), "u")
		require.NoError(t, err)
		_, err = client.Balance(t.Context())
		require.ErrorIs(t, err, gloebit.ErrUnavailable)
		for _, wait := range waits {
			require.LessOrEqual(t, wait, 15*time.Second)
		}
	})
	t.Run("nor does a call with all its attempts", func(t *testing.T) {
		var deadline time.Time
		client, _, _ := clientOf(t, nil, func(c *gloebit.Config, _ *connect.Credential) {
			c.HTTPClient = &http.Client{Timeout: time.Hour,
				Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
					deadline, _ = r.Context().Deadline()
					return nil, io.ErrUnexpectedEOF
				})}
		})
		_, err := client.Balance(t.Context())
		require.ErrorIs(t, err, gloebit.ErrUnavailable)
		require.WithinDuration(t, time.Now(), deadline, 31*time.Second)
	})
}

// countingReader is {"success":true,"balance":1} followed by 64 MiB of spaces.
type countingReader struct{ n int }

func (r *countingReader) Read(p []byte) (int, error) {
	if r.n >= 64<<20 {
		return 0, io.EOF
	}
	const start = `{"success":true,"balance":1}`
	for i := range p {
		p[i] = ' '
		if r.n+i < len(start) {
			p[i] = start[r.n+i]
		}
	}
	r.n += len(p)
	return len(p), nil
}
