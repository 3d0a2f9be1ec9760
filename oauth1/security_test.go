package oauth1_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/oauth1"
	"github.com/stretchr/testify/require"
)

// parrot is a server whose response is made from the Authorization header.
func parrot(t *testing.T, answer func(authorization string) string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(connection, answer(r.Header.Get("Authorization")))
		connection.Close()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestSecurity22TokenEndpointResponseIsHidden(t *testing.T) {
	for name, answer := range map[string]func(authorization string) string{
		"a malformed header": func(a string) string { return "HTTP/1.1 200 OK\r\n" + a + "\r\n\r\n" },
		"a malformed status": func(a string) string { return "HTTP/1.1 " + a + "\r\n\r\n" },
		"a malformed location": func(a string) string {
			return "HTTP/1.1 302 Found\r\nLocation: http://x/%zz?" + a + "\r\n\r\n"
		},
		"a malformed trailer": func(a string) string {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + a + "\r\n\r\n"
		},
		"a problem": func(a string) string {
			return "HTTP/1.1 401 X\r\nConnection: close\r\n\r\noauth_problem=" + url.QueryEscape(a)
		},
		"the state and the verifier as a problem": func(a string) string {
			_, callback, _ := strings.Cut(a, "state%3D")
			_, verifier, _ := strings.Cut(a, `oauth_verifier="`)
			return "HTTP/1.1 401 X\r\nConnection: close\r\n\r\noauth_problem=" + callback[:min(21, len(callback))] +
				verifier[:max(
					0, strings.Index(verifier, `"`),
				)]
		},
	} {
		t.Run(name, func(t *testing.T) {
			const state, verifier, secret = "the-state-of-43-bytes", "the/verifier", "the-client-secret"
			app := connect.Application{
				ClientID: "key", ClientSecret: secret, RedirectURL: "http://127.0.0.1/callback",
				Server: serverAt(parrot(t, answer)), HTTPClient: http.DefaultClient, Clock: time.Now,
			}
			_, _, begun := oauth1.Protocol{}.Begin(t.Context(), app, connect.AuthorizationRequest{State: state})
			require.ErrorIs(t, begun, connect.ErrTokenExchange)
			_, finished := oauth1.Protocol{}.Finish(t.Context(), app, url.Values{
				"oauth_token": {"request-token"}, "oauth_verifier": {verifier},
			},
				`{"token":"request-token","secret":"request-secret"}`, nil)
			require.ErrorIs(t, finished, connect.ErrTokenExchange)
			for _, err := range []error{begun, finished} {
				for _, word := range []string{
					"OAuth", "oauth_", state, "verifier", secret, "request-token", "request-secret", "%",
				} {
					require.NotContains(t, err.Error(), word)
				}
			}
		})
	}
}

func TestSecurity28AnswersAreCapped(t *testing.T) {
	const token = "oauth_token=access-token&oauth_token_secret=token-secret"
	for name, test := range map[string]struct {
		answer string
		want   error
	}{
		"as much as there may be": {token + "&scope=" + strings.Repeat("+x", 512), nil},
		"more of anything":        {token + "&x=" + strings.Repeat("x", 64<<10), connect.ErrTokenExchange},
	} {
		app := connect.Application{
			ClientID: "key", ClientSecret: "secret", RedirectURL: "http://127.0.0.1/callback", HTTPClient: http.DefaultClient,
			Clock: time.Now,
			Server: serverAt(parrot(t, func(string) string {
				return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + test.answer
			})),
		}
		_, err := oauth1.Protocol{}.Finish(
			t.Context(), app, url.Values{"oauth_token": {"t"}, "oauth_verifier": {"v"}}, `{"token":"t","secret":"s"}`, nil,
		)
		require.ErrorIs(t, err, test.want, name)
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSecurity28RequestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	asked := 0
	app := connect.Application{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "http://127.0.0.1/callback", Clock: time.Now,
		Server: serverAt("http://127.0.0.1"),
		HTTPClient: &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			asked++
			if r.Context().Err() == nil {
				t.Error("the request continues")
			}
			return nil, r.Context().Err()
		})},
	}
	_, _, err := oauth1.Protocol{}.Begin(ctx, app, connect.AuthorizationRequest{State: "s"})
	require.ErrorIs(t, err, connect.ErrTokenExchange)
	_, err = oauth1.Protocol{}.Finish(
		ctx, app, url.Values{"oauth_token": {"t"}, "oauth_verifier": {"v"}}, `{"token":"t","secret":"s"}`, nil,
	)
	require.ErrorIs(t, err, connect.ErrTokenExchange)
	require.Equal(t, 2, asked)
}
