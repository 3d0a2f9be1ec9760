package connect_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/stretchr/testify/require"
)

// TestScopeNames checks that a scope is granted under the name under which it is
// sent, and that it is requested once when the user connects again.
func TestScopeNames(t *testing.T) {
	const sent = "https://server.example/email"
	for name, test := range map[string]struct {
		answer  string
		aliases map[connect.Scope]connect.Scope
		needs   connect.Scope
	}{
		"not in the response": {"", nil, "email"},
		"sent name":           {`,"scope":"` + sent + `"`, nil, "email"},
		"own name":            {`,"scope":"email"`, nil, "email"},
		"needed by sent name": {`,"scope":"email"`, nil, sent},
		"alias of the scope":  {`,"scope":"` + sent + `"`, map[connect.Scope]connect.Scope{"mail": "email"}, "mail"},
		"alias of the name":   {`,"scope":"` + sent + `"`, map[connect.Scope]connect.Scope{sent: "email"}, "email"},
	} {
		t.Run(name, func(t *testing.T) {
			s := tokenServer()
			s.Inject("/token", 1, oauthtest.JSON(200, `{"access_token":"access-token"`+test.answer+`}`))
			connector, recorder := connectTo(t, s, func(c *connect.Config) {
				c.Scopes = []connect.Scope{"email"}
				c.Server.Scopes.Names = map[connect.Scope]connect.Scope{"email": sent}
				c.Server.Scopes.Aliases = test.aliases
			})
			require.Equal(t, http.StatusSeeOther, recorder.Code)
			page := httptest.NewRecorder()
			connector.Require(test.needs)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusTeapot)
			})).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/page", nil))
			require.Equal(t, http.StatusTeapot, page.Code, page.Body)
			again := httptest.NewRecorder()
			connector.Handler().ServeHTTP(again, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/oauth/connect", nil))
			to, err := url.Parse(again.Header().Get("Location"))
			require.NoError(t, err)
			require.Equal(t, sent, to.Query().Get("scope"))
		})
	}
}
