package oauth1test_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestSecurity22TokenEndpointResponseIsHidden(t *testing.T) {
	for name, answer := range map[string]func(authorization string) string{
		"a malformed header":   testkit.BadHeader,
		"a malformed status":   testkit.BadStatus,
		"a malformed location": testkit.BadLocation,
		"a malformed trailer":  testkit.BadTrailer,
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
		"the user's id": func(a string) string {
			return "HTTP/1.1 200 OK\r\nConnection: " +
				"close\r\n\r\noauth_token=access-token&oauth_token_secret=token-secret&app_user_id=" + url.QueryEscape(a)
		},
		"the user's id of the new token": func(string) string {
			return "HTTP/1.1 200 OK\r\nConnection: " +
				"close\r\n\r\noauth_token=access-token&oauth_token_secret=token-secret&app_user_id=token%252Dsecret"
		},
		"the user's id that is the new token": func(string) string {
			return "HTTP/1.1 200 OK\r\nConnection: " +
				"close\r\n\r\noauth_token=access-token&oauth_token_secret=x&app_user_id=access-token"
		},
		"the user's id that is the new secret": func(string) string {
			return "HTTP/1.1 200 OK\r\nConnection: " +
				"close\r\n\r\noauth_token=x&oauth_token_secret=token-secret&app_user_id=token-secret"
		},
		"the scope": func(a string) string {
			return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" +
				"oauth_token=access-token&oauth_token_secret=token-secret&scope=" + url.QueryEscape(a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused := try(t, answer, proper)
			require.ErrorIs(t, refused.err, gloebit.ErrTokenExchange)
			answered := try(t, proper, answer)
			if answered.connection.User.ID == "" {
				require.ErrorIs(t, answered.err, gloebit.ErrTokenExchange)
			}
			var watch leaktest.Witness
			watch.Secret("secret", refused.state, answered.state, verifier, secret)
			watch.Secret("secret", "request-token", "request-secret", "access-token", "token-secret")
			for _, a := range []attempt{refused, answered} {
				watch.Saw("log", fmt.Sprint(a.err), a.connection.Subject, fmt.Sprint(a.connection.Granted), a.log, a.pages)
			}
			watch.Wants(t, leaktest.Table{"secret": nil})
		})
	}
}

func TestSecurity28ScopesAreCapped(t *testing.T) {
	for name, test := range map[string]struct {
		scope string
		want  error
	}{
		"as many as there may be": {strings.Repeat("+x", 8191) + "+xx", nil},
		"more":                    {strings.Repeat("+x", 8191) + "+xxx", gloebit.ErrTokenExchange},
	} {
		t.Run(name, func(t *testing.T) {
			got := try(t, proper, func(string) string {
				return ok + "oauth_token=access-token&oauth_token_secret=token-secret&scope=" + test.scope
			})
			require.ErrorIs(t, got.err, test.want)
		})
	}
}
