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

// TestARefreshThatWaitedTooLongDoesNotAsk has less time for a refresh than its
// answer may take.
func TestARefreshThatWaitedTooLongDoesNotAsk(t *testing.T) {
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
