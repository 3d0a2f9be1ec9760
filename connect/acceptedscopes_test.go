package connect_test

import (
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/stretchr/testify/require"
)

// TestScopesOfAuthorizationResponse connects to servers that say in the
// callback which scopes the user accepted. Strava says it only there.
func TestScopesOfAuthorizationResponse(t *testing.T) {
	for name, test := range map[string]struct {
		callback, token string
		granted         []connect.Scope
	}{
		"none":           {"", "", []connect.Scope{"read", "write", "mail"}},
		"all":            {"scope=mail,write,read", "", []connect.Scope{"read", "write", "mail"}},
		"fewer":          {"scope=,read,mail", "", []connect.Scope{"read", "mail"}},
		"with spaces":    {"scope=read+mail", "", []connect.Scope{"read", "mail"}},
		"another name":   {"scope=https://server.example/email", "", []connect.Scope{"mail"}},
		"more":           {"scope=read,admin", "", []connect.Scope{"read"}},
		"unknown":        {"scope=everything", "", []connect.Scope{"read", "write", "mail"}},
		"twice":          {"scope=read&scope=write", "", []connect.Scope{"read", "write", "mail"}},
		"token response": {"scope=read", `,"scope":"write"`, []connect.Scope{"write"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tokenServer()
			s.Inject("/token", 1, oauthtest.JSON(200, `{"access_token":"access-token"`+test.token+`}`))
			connector, recorder := connectTo(t, s, func(c *connect.Config) {
				c.Scopes = []connect.Scope{"read", "write", "mail"}
				c.Server.Scopes.Aliases = map[connect.Scope]connect.Scope{"https://server.example/email": "mail"}
			}, test.callback)
			require.Equal(t, http.StatusSeeOther, recorder.Code)
			account, err := connector.Account(t.Context(), "ann")
			require.NoError(t, err)
			require.Equal(t, test.granted, account.Scopes())
		})
	}
}
