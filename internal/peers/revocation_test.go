package peers_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// TestRevocation checks a connection whose token is revoked, by the server or
// by the application.
func TestRevocation(t *testing.T) {
	for name, start := range peers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("at the server, seen by a call", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				a.peer.revoke(t, account(t, a.connector).Credential().RefreshToken)
				page := a.load(t, "/app/page")
				require.Equal(t, a.peer.refused, page.Status, "the caller gets the API's answer")
				require.Equal(t, a.peer.says, a.tokens.Len() == 0, "a refused refresh has ended the connection")
				a.connectFrom(t, a.connector.ConnectURL("/app/page"))
			})
			t.Run("at the server, seen by a refresh", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				a.peer.revoke(t, account(t, a.connector).Credential().RefreshToken)
				a.clock.Advance(2 * time.Hour)
				_, err := account(t, a.replica(t)).HTTPClient().Get(a.peer.api)
				require.ErrorIs(t, err, connect.ErrNotConnected)
				require.ErrorIs(t, err, connect.ErrTokenExpired)
				require.Zero(t, a.tokens.Len())
				a.connect(t)
			})
			t.Run("by the application's call", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				mine := account(t, a.connector)
				a.peer.revoke(t, mine.Credential().RefreshToken)
				refused := connect.ErrTokenRefused
				_, ok := mine.Reject(t.Context(), time.Now().Add(time.Minute), mine.Credential().AccessToken, &refused)
				require.False(t, ok)
				a.connect(t)
			})
			t.Run("by disconnecting", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				old := account(t, a.connector).Credential()
				require.True(t, a.peer.active(t, old.AccessToken))
				a.disconnect(t)
				require.Zero(t, a.tokens.Len())
				require.False(t, a.peer.active(t, old.AccessToken))
				require.Equal(t, http.StatusBadRequest, a.peer.refresh(t, old.RefreshToken))
				require.NotContains(t, a.log.String(), "could not be revoked")
				a.connect(t)
			})
			t.Run("by disconnecting during a refresh", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				a.clock.Advance(2 * time.Hour)
				mine, replica := account(t, a.connector), a.replica(t)
				disconnected := make(chan error, 1)
				a.peer.hold(func() {
					go func() { disconnected <- replica.Disconnect(t.Context(), "ann") }()
				})
				resp, err := mine.HTTPClient().Get(a.peer.api)
				require.NoError(t, err)
				resp.Body.Close()
				require.NoError(t, <-disconnected)
				require.Zero(t, a.tokens.Len())
				require.False(t, a.peer.active(t, mine.Credential().AccessToken), "the newest token was revoked")
				a.peer.hold(nil)
				require.Equal(t, http.StatusBadRequest, a.peer.refresh(t, mine.Credential().RefreshToken))
			})
			t.Run("after a rotation", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				a.clock.Advance(2 * time.Hour)
				require.Equal(t, http.StatusOK, a.load(t, "/app/page").Status)
				old := account(t, a.connector).Credential()
				require.NoError(t, a.connector.Disconnect(t.Context(), "ann"))
				require.False(t, a.peer.active(t, old.AccessToken))
				require.Equal(t, http.StatusBadRequest, a.peer.refresh(t, old.RefreshToken))
				require.NotContains(t, a.log.String(), "could not be revoked")
			})
		})
	}
}
