package gloebit_test

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestSecurity26RefreshTokenRotation(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   gloebit.Secret
	}{
		"a new one":      {`{"access_token":"new","refresh_token":"rotated","expires_in":3600}`, "rotated"},
		"none":           {`{"access_token":"new","expires_in":3600}`, canaryRefresh},
		"an empty one":   {`{"access_token":"new","refresh_token":"","expires_in":3600}`, canaryRefresh},
		"the same again": {`{"access_token":"new","refresh_token":"canary-refresh-token"}`, canaryRefresh},
	} {
		t.Run(name, func(t *testing.T) {
			client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case r.URL.Path == "/oauth2/access-token":
					_, _ = io.WriteString(w, test.answer)
				case r.Header.Get("Authorization") == "Bearer new":
					_, _ = io.WriteString(w, `{"success":true,"balance":1}`)
				default:
					_, _ = io.WriteString(w, `{"success":false,"reason":"token has expired"}`)
				}
			}, func(_ *gloebit.Config, c *connect.Credential) { c.RefreshToken = canaryRefresh })
			_, err := client.Balance(t.Context())
			require.NoError(t, err)
			credential, err := tokens.Load(t.Context(), keyOf(merchant, "u"))
			require.NoError(t, err)
			require.Equal(t, gloebit.Secret("new"), credential.AccessToken)
			require.Equal(t, test.want, credential.RefreshToken)
			require.Equal(t, []gloebit.Scope{gloebit.ScopeUser}, credential.Scopes)
		})
	}
}

// TestSecurity26RefreshTokenIsSentOnce loses the response to a refresh. The
// server may have used the refresh token, and would treat a second use as
// theft.
func TestSecurity26RefreshTokenIsSentOnce(t *testing.T) {
	for name, lose := range map[string]func(http.ResponseWriter){
		"on the way":            func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"at a server that fell": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); lose(w) }, func(
				_ *gloebit.Config, c *connect.Credential,
			) {
				c.RefreshToken, c.TokenExpiry = canaryRefresh, time.Now().Add(-time.Hour)
			})
			_, err := client.Balance(t.Context())
			require.ErrorIs(t, err, gloebit.ErrUnavailable)
			require.EqualValues(t, 1, asked.Load())
			credential, err := tokens.Load(t.Context(), keyOf(merchant, "u"))
			require.NoError(t, err)
			require.Equal(t, canaryRefresh, credential.RefreshToken)
		})
	}
}

// TestSecurity26RefreshKeepsConnectionAndAccount checks that a refresh keeps
// the account, the connection and its expiry, which the response does not
// contain.
func TestSecurity26RefreshKeepsConnectionAndAccount(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	for answer, same := range map[string]bool{
		`{"access_token":"new","expires_in":3600}`:                         true,
		`{"access_token":"new","expires_in":3600,"app_user_id":""}`:        true,
		`{"access_token":"new","expires_in":3600,"app_user_id":"another"}`: false,
	} {
		client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Path == "/oauth2/access-token" {
				_, _ = io.WriteString(w, answer)
				return
			}
			_, _ = io.WriteString(w, `{"success":true,"balance":1}`)
		}, func(_ *gloebit.Config, c *connect.Credential) {
			c.RefreshToken, c.Subject, c.TokenExpiry = canaryRefresh, "account", now
			c.ConnectedAt, c.ExpiresAt = now.Add(-time.Hour), now.Add(time.Hour)
		})
		_, err := client.Balance(t.Context())
		token := gloebit.Secret("new")
		if same {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, gloebit.ErrNotConnected)
			token = canaryToken
		}
		credential, err := tokens.Load(t.Context(), keyOf(merchant, "u"))
		require.NoError(t, err)
		require.Equal(t, token, credential.AccessToken)
		require.Equal(t, "account", credential.Subject)
		require.Equal(t, now.Add(-time.Hour), credential.ConnectedAt)
		require.Equal(t, now.Add(time.Hour), credential.ExpiresAt)
	}
}

func TestSecurity26RefreshIsSavedBeforeUse(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
	b := w.browser("")
	b.get("/private")
	w.clock.Advance(2 * time.Hour)
	w.gloebit.ResetRequests()
	w.tokens.failSaves(errDown)
	userID, _ := w.stored()
	client, err := w.merchant.Client(t.Context(), userID)
	require.NoError(t, err)
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = client.Balance(soon)
	require.ErrorIs(t, err, context.DeadlineExceeded, "it waits for the store")
	for _, r := range w.gloebit.Requests() {
		require.NotContains(t, r.Path, "balance", "an unsaved token was used")
	}
	w.tokens.failSaves(nil)
	_, err = client.Balance(t.Context())
	require.NoError(t, err, "once the token is saved")
}

func TestSecurity27NarrowerScopesAreReportedWithoutLoop(t *testing.T) {
	var reported gloebit.Connection
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.OnConnect = func(_ *http.Request, connection gloebit.Connection) error { reported = connection; return nil }
	})
	require.NoError(t, w.gloebit.Approve("alice", "user", "balance"))
	b := w.browser("")
	require.Equal(t, http.StatusOK, b.get("/private").status, "the granted scopes suffice for this page")
	require.Equal(t, []gloebit.Scope{"user", "balance"}, reported.Granted)
	require.Equal(t, []gloebit.Scope{"transact"}, reported.Missing)
	require.Contains(t, w.log.String(), "missing=transact")

	userID, credential := w.stored()
	credential.Scopes = nil
	require.NoError(t, w.tokens.Update(t.Context(), keyOf(w.merchant, userID), save(credential)))
	require.Equal(t, "/gloebit/connect", b.location("/inventory").Path, "without any scopes")

	p := b.get("/inventory")
	require.Equal(t, http.StatusForbidden, p.status, "refused again: no endless loop")
	require.Contains(t, p.body, "does not cover")
	require.Equal(t, 2, w.exchanges())
}

// forgetful is a store that ignores the expiry.
type forgetful struct{ gloebit.TokenStore }

func (s forgetful) Load(_ context.Context, _ connect.Key) (connect.Credential, error) {
	return connect.Credential{AccessToken: canaryToken, ExpiresAt: time.Unix(1_000_000, 0)}, nil
}

func TestSecurity17ExpiredCredentialIsIgnored(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	config := validConfig()
	config.Tokens, config.Clock = forgetful{&gloebit.MemoryTokenStore{}}, func() time.Time { return now }
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	_, err = merchant.Client(t.Context(), "u")
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	now = now.Add(-time.Nanosecond)
	_, err = merchant.Client(t.Context(), "u")
	require.NoError(t, err)
}

func TestSecurity26RefreshDoesNotUndoADisconnect(t *testing.T) {
	exchanges := 0
	client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/oauth2/access-token" {
			exchanges++
			_, _ = io.WriteString(w, `{"access_token":"new","expires_in":3600}`)
			return
		}
		_, _ = io.WriteString(w, `{"success":false,"reason":"token has expired"}`)
	}, func(_ *gloebit.Config, c *connect.Credential) { c.RefreshToken = canaryRefresh })
	require.NoError(t, tokens.Delete(t.Context(), keyOf(merchant, "u")))
	_, err := client.Balance(t.Context())
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	require.Zero(t, exchanges)
	_, err = tokens.Load(t.Context(), keyOf(merchant, "u"))
	require.ErrorIs(t, err, gloebit.ErrNotFound)
}
