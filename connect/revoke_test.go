package connect_test

import (
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// TestRevocationAnswer checks after which statuses the log says that a token is
// still valid at the server.
func TestRevocationAnswer(t *testing.T) {
	for status, revoked := range map[int]bool{200: true, 204: true, 302: false, 400: false, 404: false, 503: false} {
		server := oauthtest.New(nil)
		server.Handle("POST /revoke", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		app := oauthtest.NewApp(t, connect.Server{
			Name:      "Example",
			Endpoint:  oauth2.Endpoint{AuthURL: "https://server.example/auth", TokenURL: "https://server.example/token"},
			RevokeURL: "https://server.example/revoke",
		}, "secret", func(c *connect.Config) {
			c.HTTPClient = &http.Client{Transport: oauthtest.Transport{Handler: server}}
		})
		app.Save(t, connect.Credential{AccessToken: "access", RefreshToken: "refresh"})
		require.Equal(t, 200, app.Disconnect(t).Status)
		require.Zero(t, app.Tokens.Len())
		require.Len(t, server.Requests("/revoke"), 1)
		if revoked {
			require.NotContains(t, app.Log.String(), "could not be revoked", status)
		} else {
			require.Contains(t, app.Log.String(), "could not be revoked", status)
		}
	}
}
