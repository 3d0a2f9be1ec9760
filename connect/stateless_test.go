package connect_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// stateless is an application at a server that returns an empty state. Its
// browser stays at the server's page, and the test makes the server's redirect.
func stateless(t *testing.T, returned bool, changes ...func(*connect.Config)) (*oauthServer, *application) {
	t.Helper()
	server := newOAuthServer(t, oauth2.AuthStyleInParams)
	description := server.description()
	description.StateNotReturned, description.PKCE = !returned, false
	a := newApplication(t, description, changes...)
	server.challenge = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" // of no verifier
	a.browser.CheckRedirect = testkit.Stay
	return server, a
}

// start begins a connection and returns the state that the server was sent.
func (a *application) start(t *testing.T) string {
	t.Helper()
	page := testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/oauth/connect", nil))
	require.Equal(t, http.StatusSeeOther, page.Status, page.Body)
	to, err := url.Parse(page.Header.Get("Location"))
	require.NoError(t, err)
	return to.Query().Get("state")
}

// callback loads the callback with a query and returns the status.
func (a *application) callback(t *testing.T, query string) int {
	t.Helper()
	return testkit.Load(
		t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/oauth/callback?"+query, nil),
	).Status
}

func TestStateNotReturned(t *testing.T) {
	const connected, connectedBefore, refused = http.StatusSeeOther, http.StatusFound, http.StatusBadRequest
	t.Run("empty state", func(t *testing.T) {
		_, a := stateless(t, false)
		a.start(t)
		require.Equal(t, connected, a.callback(t, "code=code&state="))
		require.Equal(t, 1, a.tokens.Len())
	})
	t.Run("absent state", func(t *testing.T) {
		_, a := stateless(t, false)
		a.start(t)
		require.Equal(t, connected, a.callback(t, "code=code"))
	})
	t.Run("other servers need the state", func(t *testing.T) {
		_, a := stateless(t, true)
		a.start(t)
		require.Equal(t, refused, a.callback(t, "code=code&state="))
		require.Equal(t, refused, a.callback(t, "code=code"))
	})
	t.Run("returned state must be right", func(t *testing.T) {
		_, a := stateless(t, false)
		state := a.start(t)
		require.Equal(t, refused, a.callback(t, "code=code&state="+strings.Repeat("x", 50)))
		require.Equal(t, refused, a.callback(t, "code=code&state=&state="))
		require.Equal(t, connected, a.callback(t, "code=code&state="+state))
	})
	t.Run("taken once", func(t *testing.T) {
		_, a := stateless(t, false)
		a.start(t)
		require.Equal(t, connected, a.callback(t, "code=code&state="))
		require.Equal(t, connectedBefore, a.callback(t, "code=code&state="))
	})
	t.Run("nothing pending", func(t *testing.T) {
		_, a := stateless(t, false)
		require.Equal(t, refused, a.callback(t, "code=code&state="))
	})
	t.Run("another browser", func(t *testing.T) {
		_, a := stateless(t, false)
		a.start(t)
		a.browser.Jar = testkit.NewJar(t)
		require.Equal(t, refused, a.callback(t, "code=code&state="))
	})
	t.Run("one pending", func(t *testing.T) {
		states := new(connect.MemoryStateStore)
		_, a := stateless(t, false, func(c *connect.Config) { states.Clock, c.States = c.Clock, states })
		first := a.start(t)
		a.start(t)
		require.Equal(t, 1, states.Len())
		require.Equal(t, refused, a.callback(t, "code=code&state="+first), "the second took its place")
		require.Equal(t, connected, a.callback(t, "code=code&state="))
	})
	t.Run("three minutes", func(t *testing.T) {
		_, a := stateless(t, false)
		a.start(t)
		a.clock.Advance(3*time.Minute - time.Second)
		require.Equal(t, connected, a.callback(t, "code=code&state="))
		a.start(t)
		a.clock.Advance(3 * time.Minute)
		require.Equal(t, connectedBefore, a.callback(t, "code=code&state="))
	})
	t.Run("shorter by Config", func(t *testing.T) {
		_, a := stateless(t, false, func(c *connect.Config) { c.ConnectTimeout = time.Minute })
		a.start(t)
		a.clock.Advance(time.Minute)
		require.Equal(t, refused, a.callback(t, "code=code&state="))
	})
	t.Run("denied", func(t *testing.T) {
		_, a := stateless(t, false)
		a.start(t)
		require.Equal(t, http.StatusForbidden, a.callback(t, "error=access_denied&error_description=no&state="))
		require.Equal(t, refused, a.callback(t, "code=code&state="), "a denial takes it too")
		require.Zero(t, a.tokens.Len())
	})
	t.Run("New warns", func(t *testing.T) {
		_, a := stateless(t, false)
		require.Contains(t, a.log.String(), "the server returns no state")
		_, a = stateless(t, true)
		require.NotContains(t, a.log.String(), "the server returns no state")
	})
	// What it does not protect against: the code of another account, while the
	// user is connecting.
	t.Run("forced code connects", func(t *testing.T) {
		server, a := stateless(t, false)
		a.start(t)
		require.Equal(t, connected, a.callback(t, "code=code-of-the-attacker&state="))
		require.Equal(t, "code-of-the-attacker", server.tokens[0].Get("code"))
	})
}
