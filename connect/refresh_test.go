package connect_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// TestRefreshWithTooLittleTimeIsNotSent checks that no refresh is sent if its
// response may arrive after the deadline.
func TestRefreshWithTooLittleTimeIsNotSent(t *testing.T) {
	server := newOAuthServer(t, oauth2.AuthStyleInHeader)
	a := newApplication(t, server.description())
	a.connector.RefreshWithin(5 * time.Second)
	a.api = calling(server, "body")
	page := testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/page", nil))
	require.Equal(t, http.StatusOK, page.Status)
	a.clock.Advance(2 * time.Hour)
	account, err := a.connector.Account(t.Context(), "ann")
	require.NoError(t, err)
	_, err = account.Fresh(t.Context(), time.Now().Add(time.Minute))
	require.ErrorIs(t, err, connect.ErrUnavailable)
	require.Len(t, server.tokens, 1, "a rotated token that comes too late to be saved would be lost")
	require.Equal(t, 1, a.tokens.Len())
}

// TestARefreshOfAnotherAccount checks that a refresh response for another
// subject does not replace the user's token.
func TestARefreshOfAnotherAccount(t *testing.T) {
	tokens := new(connect.MemoryTokenStore)
	s := newSite(t, func(c *connect.Config) {
		c.Tokens = tokens
		c.Server.Subject = func(member func(string) any) string { id, _ := member("id").(string); return id }
		c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return ok(`{"access_token":"bobs","refresh_token":"r2","token_type":"bearer","id":"bob"}`), nil
		})}
	})
	key := connect.Key{Realm: s.Realm(), ID: "ann"}
	stale := connect.Credential{
		AccessToken: "anns", RefreshToken: "r1", Subject: "ann", TokenExpiry: time.Now().Add(-time.Hour),
	}
	require.NoError(t, tokens.Update(t.Context(), key, save(stale)))
	account, err := s.Account(t.Context(), "ann")
	require.NoError(t, err)
	_, err = account.Fresh(t.Context(), time.Now().Add(time.Minute))
	require.ErrorIs(t, err, connect.ErrNotConnected)
	kept, err := tokens.Load(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, connect.Secret("anns"), kept.AccessToken)
}
