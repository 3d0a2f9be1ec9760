package peers_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// TestRefresh checks that one hundred concurrent calls on two replicas refresh
// an expired token once.
func TestRefresh(t *testing.T) {
	for name, start := range peers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("expiry known", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				for range 2 { // rotated once, and once more
					a.peer.expire(t)
					a.clock.Advance(2 * time.Hour)
					refreshOnce(t, a)
				}
				require.Equal(t, http.StatusOK, a.load(t, "/app/page").Status)
			})
			t.Run("reported by the API", func(t *testing.T) {
				if strings.HasPrefix(name, "zitadel") {
					return // whose answer does not say that the token is why
				}
				a := newApplication(t, start)
				a.connect(t)
				a.peer.expire(t)
				refreshOnce(t, a)
			})
			t.Run("refresh token reused", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				stolen := account(t, a.connector).Credential().RefreshToken
				a.clock.Advance(2 * time.Hour)
				require.Equal(t, http.StatusOK, a.load(t, "/app/page").Status)
				require.Equal(t, http.StatusBadRequest, a.peer.refresh(t, stolen))
				if !a.peer.detects {
					require.Equal(t, http.StatusOK, a.load(t, "/app/page").Status)
					return
				}
				page := a.load(t, "/app/page")
				require.Equal(t, a.peer.refused, page.Status, page.Body)
				require.Zero(t, a.tokens.Len(), "the server has ended the grant")
				a.connect(t)
			})
			t.Run("answer lost", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				a.peer.expire(t)
				a.clock.Advance(2 * time.Hour)
				a.peer.lost.Store(true)
				_, err := account(t, a.connector).HTTPClient().Get(a.peer.api)
				require.ErrorIs(t, err, connect.ErrTokenExchange)
				require.NotErrorIs(t, err, connect.ErrNotConnected)
				require.Equal(t, 1, a.peer.granted("refresh_token"), "it was not sent again")
				require.Equal(t, 1, a.tokens.Len(), "the server may not have got it")
				a.peer.lost.Store(false)
				a.connect(t) // the server has rotated the token, and refuses the old one
			})
			t.Run("wrong client secret", func(t *testing.T) {
				if strings.Contains(name, "public") {
					return // which has none
				}
				a := newApplication(t, start)
				a.connect(t)
				a.clock.Advance(2 * time.Hour)
				wrong := a.replica(t, func(c *connect.Config) { c.ClientSecret = "wrong" })
				_, err := account(t, wrong).HTTPClient().Get(a.peer.api)
				require.ErrorIs(t, err, connect.ErrTokenExchange)
				require.NotErrorIs(t, err, connect.ErrNotConnected)
				require.ErrorContains(t, err, `"invalid_client"`)
				require.Equal(t, http.StatusOK, a.load(t, "/app/page").Status, "no user was disconnected")
			})
		})
	}
}

// TestRefusedRefresh checks that a connection survives token errors that are
// not about its refresh token, and that its user can connect again meanwhile.
func TestRefusedRefresh(t *testing.T) {
	for name, test := range map[string]struct {
		fail, mend func(*fositeStore)
		code       string
	}{
		"by a conflict": {
			func(s *fositeStore) { s.conflicts = true }, func(s *fositeStore) { s.conflicts = false }, "invalid_request",
		},
		"for the client's grants": {
			func(s *fositeStore) { s.allowGrants("authorization_code") },
			func(s *fositeStore) { s.allowGrants("authorization_code", "refresh_token") }, "unauthorized_client",
		},
		"for the client's scopes": {
			func(s *fositeStore) { s.allowScopes("photos") },
			func(s *fositeStore) { s.allowScopes("photos", "mail") }, "invalid_scope",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApplication(t, newFosite)
			a.connect(t)
			a.peer.expire(t)
			a.clock.Advance(2 * time.Hour)
			test.fail(a.peer.fosite)
			_, err := account(t, a.connector).HTTPClient().Get(a.peer.api)
			require.ErrorIs(t, err, connect.ErrNotConnected)
			require.ErrorContains(t, err, test.code)
			require.Equal(t, 1, a.tokens.Len())
			test.mend(a.peer.fosite)
			require.Equal(t, http.StatusOK, a.load(t, "/app/page").Status)
			require.Equal(t, 1, a.peer.granted("authorization_code"), "without connecting again")
		})
	}
}

// refreshOnce makes one hundred concurrent calls with an expired token. Half of
// them use the account of one request; the others load it on another replica.
func refreshOnce(t *testing.T, a *application) {
	t.Helper()
	refreshes := a.peer.granted("refresh_token")
	stale := account(t, a.connector)
	before := stale.Credential()
	require.False(t, a.peer.active(t, before.AccessToken))
	replica := a.replica(t)
	var group, called sync.WaitGroup
	called.Add(100)
	a.peer.hold(called.Wait) // no answer before all have called
	for i := range 100 {
		with := stale
		if i%2 == 1 {
			with = account(t, replica)
		}
		group.Go(func() {
			called.Done()
			resp, err := with.HTTPClient().Post(a.peer.api, "text/plain", strings.NewReader(""))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				t.Error(resp.Status, string(body), err)
			}
		})
	}
	group.Wait()
	require.Equal(t, refreshes+1, a.peer.granted("refresh_token"))
	require.Equal(t, 1, a.tokens.Len(), "no user was disconnected")
	after := account(t, a.connector).Credential()
	require.NotEqual(t, before.RefreshToken, after.RefreshToken, "it was rotated")
	require.True(t, a.peer.active(t, after.AccessToken))
	require.ElementsMatch(t, before.Scopes, after.Scopes)
}
