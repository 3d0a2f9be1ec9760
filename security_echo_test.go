package gloebit_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// parrot is a Gloebit that refuses every request and echoes it in every field.
func parrot(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		said := fmt.Sprint(r.Header.Get("Authorization"), " ", r.PostForm)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"success": false, "reason": said, "status": said, "error": "no " + said, "error_description": said,
		})
	})
}

func TestSecurity22EchoedSecretsAreHidden(t *testing.T) {
	for _, status := range []int{
		http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusInternalServerError,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			server := httptest.NewServer(parrot(status))
			defer server.Close()
			w := newWorld(t, func(_ *world, c *gloebit.Config) {
				authorize := c.Provider.AuthURL
				c.Provider = gloebit.ProviderAt(server.URL)
				c.Provider.AuthURL, c.Provider.PKCE = authorize, true
				c.User = headerUser
			})
			b := w.browser("ann")
			callback := b.callback("/gloebit/connect")
			code := callback.Query().Get("code")
			p := b.get(callback.String())
			require.GreaterOrEqual(t, p.status, 400)

			credential := connect.Credential{
				AccessToken: "the access token", RefreshToken: "the refresh token", Scopes: []gloebit.Scope{gloebit.ScopeBalance},
			}
			require.NoError(t, w.tokens.Update(t.Context(), keyOf(w.merchant, "ann"), save(credential)))
			client, err := w.merchant.Client(t.Context(), "ann")
			require.NoError(t, err)
			_, called := client.Balance(t.Context())
			require.Error(t, called)
			credential.TokenExpiry = w.clock.Now()
			require.NoError(t, w.tokens.Update(t.Context(), keyOf(w.merchant, "ann"), save(credential)))
			client, err = w.merchant.Client(t.Context(), "ann")
			require.NoError(t, err)
			_, refreshed := client.Balance(t.Context())
			require.Error(t, refreshed)

			seen := fmt.Sprintf(
				"%s %s %v %+v %#v %v %+v %#v", p.body, w.log.String(), called, called, called, refreshed, refreshed, refreshed,
			)
			for _, secret := range []string{
				w.app.Secret, code, w.states.lastPending.Secret.Reveal(), "the access token", "the refresh token",
			} {
				require.NotEmpty(t, secret)
				require.NotContains(t, seen, secret)
				require.NotContains(t, seen, url.QueryEscape(secret))
			}
		})
	}
}

func TestSecurity22AuthorizationErrorHidesState(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	state := b.location("/gloebit/connect").Query().Get("state")
	p := b.get(
		"/gloebit/callback?" + url.Values{
			"state": {state}, "error": {"no " + state}, "error_description": {"no " + state},
		}.Encode(),
	)
	require.Equal(t, http.StatusBadGateway, p.status)
	require.Contains(t, w.log.String(), "no [redacted]")
	require.NotContains(t, w.log.String()+p.body, state)
}
