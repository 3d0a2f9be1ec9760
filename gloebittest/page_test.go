package gloebittest_test

import (
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestCustomConsentPage(t *testing.T) {
	var seen []bool
	w := newWorld(t, gloebittest.Config{Consent: func(
		w http.ResponseWriter, r *http.Request, a *gloebittest.Authorization,
	) {
		seen = append(seen, a.Approved("alice"), a.Approved("unknown"))
		a.Scopes = []string{"transact", "inventory"}
		a.Approve(w, r, "alice")
	}})
	query := w.authorizeQuery("user", "al")
	for range 2 {
		require.Equal(t, http.StatusFound, w.get("oauth2/authorize?"+query.Encode(), "").status)
	}
	query.Set("approval_prompt", "auto")
	query.Set("scope", "transact")
	require.Equal(t, http.StatusFound, w.get("oauth2/authorize?"+query.Encode(), "").status)
	require.Equal(t, []bool{false, false, false, false, true, false}, seen)
	require.Equal(t, []string{"transact"}, w.server.Approvals("alice")[0].Scopes, "only what was asked can be granted")
}

func TestCustomNoticePage(t *testing.T) {
	w := newWorld(t, gloebittest.Config{Notice: func(w http.ResponseWriter, _ *http.Request, n gloebittest.Notice) {
		w.WriteHeader(n.Status)
		_, _ = w.Write([]byte("my page: " + n.Title))
	}})
	w.server.Refuse()
	require.Equal(t, "my page: Not connected", w.get("oauth2/authorize?"+w.authorizeQuery().Encode(), "").text)
	require.Equal(t, "my page: This link does not work", w.get("oauth2/authorize", "").text)
}
