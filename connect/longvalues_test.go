package connect_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/stretchr/testify/require"
)

// TestLongTokenAnswers connects and refreshes with the long tokens and scope
// lists of Entra ID and Keycloak, which name every group, role and permission.
func TestLongTokenAnswers(t *testing.T) {
	var scopes []string
	for i := range 100 {
		scopes = append(scopes, fmt.Sprintf("https://graph.example/Permission.%03d", i))
	}
	list := strings.Join(scopes, " ")
	for name, test := range map[string]struct {
		access, refresh, scope string
		granted                int
	}{
		"access token":  {strings.Repeat("a", 60<<10), "refresh-2", "user", 1},
		"refresh token": {"access-2", strings.Repeat("r", 60<<10), "user", 1},
		"scopes":        {"access-2", "refresh-2", list, 100},
	} {
		answer := oauthtest.JSON(200, fmt.Sprintf(
			`{"access_token":%q,"refresh_token":%q,"scope":%q,"expires_in":3600}`, test.access, test.refresh, test.scope,
		))
		check := func(t *testing.T, connector *connect.Connector) {
			t.Helper()
			account, err := connector.Account(t.Context(), "ann")
			require.NoError(t, err)
			require.Equal(t, test.access, account.Credential().AccessToken.Reveal())
			require.Equal(t, test.refresh, account.Credential().RefreshToken.Reveal())
			require.Len(t, account.Scopes(), test.granted)
		}
		t.Run("connecting/"+name, func(t *testing.T) {
			s := tokenServer()
			s.Inject("/token", 1, answer)
			connector, recorder := connectTo(t, s, nil)
			require.Equal(t, http.StatusSeeOther, recorder.Code)
			check(t, connector)
		})
		t.Run("refreshing/"+name, func(t *testing.T) {
			s := tokenServer()
			connector, _ := connectTo(t, s, nil)
			account, err := connector.Account(t.Context(), "ann")
			require.NoError(t, err)
			s.Inject("/token", 1, answer)
			_, err = account.Renew(t.Context(), time.Now().Add(time.Minute), account.Credential())
			require.NoError(t, err)
			check(t, connector)
		})
	}
}
