package connect_test

import (
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// TestSettingIsNamed checks that the log says which setting is wrong when a
// server refuses every connection.
func TestSettingIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*connect.Config)
		cause  string
	}{
		"client secret": {
			func(c *connect.Config) { c.ClientSecret = "wrong" },
			"check Config.ClientID, Config.ClientSecret and the server's AuthStyle",
		},
		"issuer": {
			func(c *connect.Config) { c.Server.Issuer = "https://id.example" },
			`iss is \"\" in the answer, want \"https://id.example\"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newOAuthServer(t, oauth2.AuthStyleInHeader)
			a := newApplication(t, server.description(), test.change)
			page := testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/page", nil))
			require.Equal(t, http.StatusBadGateway, page.Status, page.Body)
			require.Contains(t, a.log.String(), test.cause)
			require.NotContains(t, page.Body, "Config.")
			require.Zero(t, a.tokens.Len())
		})
	}
}
