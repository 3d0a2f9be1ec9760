package gloebit_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// TestOnlyRefusedRefreshDisconnects makes a refresh fail and checks whether the
// credential is kept.
func TestOnlyRefusedRefreshDisconnects(t *testing.T) {
	for name, test := range map[string]struct {
		fault gloebittest.Fault
		stays bool
	}{
		"invalid_grant":           {gloebittest.Fault{Status: 400, Body: `{"error":"invalid_grant"}`}, false},
		"unsupported_grant_type":  {gloebittest.Fault{Status: 400, Body: `{"error":"unsupported_grant_type"}`}, true},
		"unauthorized_client":     {gloebittest.Fault{Status: 400, Body: `{"error":"unauthorized_client"}`}, true},
		"invalid_request":         {gloebittest.Fault{Status: 400, Body: `{"error":"invalid_request"}`}, true},
		"invalid_scope":           {gloebittest.Fault{Status: 400, Body: `{"error":"invalid_scope"}`}, true},
		"Gloebit's reason":        {gloebittest.Fault{Status: 400, Body: `{"error":"x","reason":"unknown token"}`}, false},
		"an unknown error code":   {gloebittest.Fault{Status: 400, Body: `{"error":"unsupported grant"}`}, false},
		"a reason without a code": {gloebittest.Fault{Status: 400, Body: `{"reason":"missing code"}`}, false},
		"a 404":                   {gloebittest.Fault{Status: 404, Body: `not found`, ContentType: "text/plain"}, true},
		"invalid_client":          {gloebittest.Fault{Status: 401, Body: `{"error":"invalid_client"}`}, true},
		"a 429":                   {gloebittest.Fault{Status: 429}, true},
		"a proxy's denial":        {gloebittest.Fault{Status: 403, Body: `<html>`, ContentType: "text/html"}, true},
		"a gateway's 403":         {gloebittest.Fault{Status: 403, Body: `{"error":"forbidden"}`}, true},
		"a redirect":              {gloebittest.Fault{Status: 302, Header: http.Header{"Location": {"/sorry"}}}, true},
		"temporarily_unavailable": {gloebittest.Fault{Body: `{"error":"temporarily_unavailable"}`}, true},
		"a body that is not JSON": {gloebittest.Fault{Body: `<html>`, ContentType: "text/html"}, true},
		"a 500":                   {gloebittest.Fault{Status: 500}, true},
		"a dropped connection":    {gloebittest.Fault{Drop: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
			b := w.browser("")
			b.get("/private")
			w.clock.Advance(2 * time.Hour)
			test.fault.Path = "oauth2/access-token"
			w.gloebit.Inject(test.fault)
			require.Equal(t, http.StatusTeapot, b.get("/private").status)
			require.Equal(t, test.stays, w.tokens.Len() == 1)
		})
	}
}

func TestThousandWaitersShareOneRefresh(t *testing.T) {
	w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
	w.browser("").get("/private")
	var id string
	for userID, err := range w.tokens.UserIDs(t.Context(), w.merchant.Realm()) {
		require.NoError(t, err)
		id = userID
	}
	w.clock.Advance(2 * time.Hour)
	stale, err := w.merchant.Client(t.Context(), id) // loaded before the others refresh
	require.NoError(t, err)
	before, err := w.tokens.Load(t.Context(), keyOf(w.merchant, id))
	require.NoError(t, err)
	var group sync.WaitGroup
	for i := range 1000 {
		group.Go(func() {
			ctx := t.Context()
			if i%10 == 0 { // a canceled caller does not affect the others
				short, cancel := context.WithCancel(ctx)
				cancel()
				ctx = short
			}
			client, err := w.merchant.Client(t.Context(), id)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := client.Balance(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	_, err = stale.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, w.exchanges(), "one for the code, one refresh")
	after, err := w.tokens.Load(t.Context(), keyOf(w.merchant, id))
	require.NoError(t, err)
	require.Equal(t, before.ExpiresAt, after.ExpiresAt)
	require.Equal(t, before.Subject, after.Subject)
	require.Equal(t, before.ConnectedAt, after.ConnectedAt)
	require.NotEqual(t, before.AccessToken, after.AccessToken)
	require.NotEqual(t, before.RefreshToken, after.RefreshToken)
}

func TestStorePanicDuringRefreshPropagates(t *testing.T) {
	var client *gloebit.Client
	client, _, _ = clientOf(t, answering(200, `{"success":true,"balance":1}`), func(
		c *gloebit.Config, credential *connect.Credential,
	) {
		credential.RefreshToken, credential.TokenExpiry = canaryRefresh, time.Now().Add(-time.Hour)
		c.Tokens = &panickingTokens{}
	})
	require.PanicsWithValue(t, "the store's own", func() { _, _ = client.Balance(t.Context()) })
}

type panickingTokens struct {
	gloebit.MemoryTokenStore
	updates atomic.Int32
}

func (s *panickingTokens) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	if s.updates.Add(1) > 1 {
		panic("the store's own")
	}
	return s.MemoryTokenStore.Update(ctx, key, fn)
}

func TestUnsupportedRefreshRedirectsToConnect(t *testing.T) {
	for name, fault := range map[string]gloebittest.Fault{
		"404":                        {Status: 404, Body: `<html>`, ContentType: "text/html"},
		"405":                        {Status: 405},
		"missing code, with success": {Body: `{"success":false,"reason":"missing code"}`},
		"missing code, with a 400":   {Status: 400, Body: `{"reason":"missing code"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
			w.mux.Handle("/balance", w.merchant.RequireGloebit(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if _, err := gloebit.MustFromContext(r.Context()).Balance(r.Context()); err != nil {
					w.merchant.HandleError(rw, r, err)
				}
			})))
			b := w.browser("")
			b.get("/balance")
			w.clock.Advance(2 * time.Hour)
			fault.Path = "oauth2/access-token"
			w.gloebit.Inject(fault)
			require.Equal(t, "/gloebit/connect", b.location("/balance").Path)
		})
	}
}

func TestStaleClientRefreshesAfterRotation(t *testing.T) {
	w := newWorldAt(t, gloebittest.Config{RefreshTokens: true}) // tokens that don't say when they expire
	w.browser("").get("/private")
	var id string
	for userID, err := range w.tokens.UserIDs(t.Context(), w.merchant.Realm()) {
		require.NoError(t, err)
		id = userID
	}
	old, err := w.merchant.Client(t.Context(), id)
	require.NoError(t, err)
	w.gloebit.ExpireTokens("alice")
	another, err := w.merchant.Client(t.Context(), id)
	require.NoError(t, err)
	_, err = another.Balance(t.Context())
	require.NoError(t, err)
	w.gloebit.ExpireTokens("alice")
	_, err = old.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, w.tokens.Len())
	require.Equal(t, 3, w.exchanges())
}

func TestRepeatedExpiryDoesNotDisconnect(t *testing.T) {
	w := newWorldAt(t, gloebittest.Config{RefreshTokens: true})
	b := w.browser("")
	b.get("/private")
	w.gloebit.Inject(gloebittest.Fault{Path: "balance", Reason: "token has expired"})
	require.Equal(t, http.StatusTeapot, b.get("/private").status)
	require.Equal(t, 1, w.tokens.Len(), "a credential that can be refreshed is not deleted")
	require.LessOrEqual(t, w.exchanges(), 3, "and not refreshed without end")
}

func TestRefresh(t *testing.T) {
	expiring := gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true}
	connected := func(t *testing.T, provider gloebittest.Config) (*world, *browser) {
		w := newWorldAt(t, provider)
		b := w.browser("")
		require.Equal(t, http.StatusOK, b.get("/private").status)
		return w, b
	}
	t.Run("before the expiry", func(t *testing.T) {
		w, b := connected(t, expiring)
		w.clock.Advance(time.Hour - 10*time.Second)
		require.Equal(t, http.StatusOK, b.get("/private").status)
		require.Equal(t, 2, w.exchanges())
		w.clock.Advance(time.Hour)
		require.Equal(t, http.StatusOK, b.get("/private").status, "the rotated refresh token was saved")
		require.Equal(t, 3, w.exchanges())
	})
	t.Run("when Gloebit says that it has expired", func(t *testing.T) {
		for _, challenge := range []bool{false, true} {
			provider := expiring
			provider.Challenge = challenge
			w, b := connected(t, provider)
			w.gloebit.ExpireTokens("alice")
			require.Equal(t, http.StatusOK, b.get("/private").status)
			require.Equal(t, 2, w.exchanges())
		}
	})
	t.Run("refused, the user is disconnected", func(t *testing.T) {
		w, b := connected(t, expiring)
		w.gloebit.RevokeTokens("alice")
		w.clock.Advance(2 * time.Hour)
		require.Equal(t, http.StatusTeapot, b.get("/private").status)
		require.Zero(t, w.tokens.Len())
	})
	t.Run("not reached, the credential stays", func(t *testing.T) {
		w, b := connected(t, expiring)
		w.clock.Advance(2 * time.Hour)
		w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Status: 503})
		require.Equal(t, http.StatusTeapot, b.get("/private").status)
		require.Equal(t, 1, w.tokens.Len())
		w.gloebit.ClearFaults()
		require.Equal(t, http.StatusOK, b.get("/private").status)
	})
	t.Run("without a refresh token, the user connects again", func(t *testing.T) {
		w, b := connected(t, gloebittest.Config{TokenLifetime: time.Hour})
		w.clock.Advance(2 * time.Hour)
		require.Equal(t, http.StatusTeapot, b.get("/private").status)
		require.Zero(t, w.tokens.Len())
		require.Equal(t, http.StatusOK, b.get("/private").status)
	})
}

// TestRefreshWaitIsBoundedByCallTimeout has another caller lock the user for
// longer than a call may take.
func TestRefreshWaitIsBoundedByCallTimeout(t *testing.T) {
	for name, limit := range map[string]time.Duration{"without a deadline": 0, "with one": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := validConfig()
				config.Tokens = &gloebit.MemoryTokenStore{}
				stale := connect.Credential{AccessToken: "t", RefreshToken: "r", TokenExpiry: time.Now()}
				merchant, err := gloebit.New(config)
				require.NoError(t, err)
				require.NoError(t, config.Tokens.Update(t.Context(), keyOf(merchant, "u"), save(stale)))
				client, err := merchant.Client(t.Context(), "u")
				require.NoError(t, err)
				held, done := make(chan struct{}), make(chan error)
				go func() {
					done <- config.Tokens.Update(t.Context(), keyOf(merchant, "u"), func(
						_ context.Context, current *connect.Credential,
					) (*connect.Credential, error) {
						close(held)
						time.Sleep(2 * time.Minute)
						return current, nil
					})
				}()
				<-held

				ctx, want := t.Context(), 30*time.Second
				if limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, limit)
					defer cancel()
					want = limit
				}
				start := time.Now()
				require.ErrorIs(t, client.VerifyToken(ctx), context.DeadlineExceeded)
				require.Equal(t, want, time.Since(start))
				require.NoError(t, <-done)
			})
		})
	}
}

func TestRefusedTokenDoesNotDeleteNewerToken(t *testing.T) {
	client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer newer" {
			_, _ = io.WriteString(w, `{"success":false,"reason":"unknown token"}`)
			return
		}
		_, _ = io.WriteString(w, `{"success":true}`)
	})
	require.NoError(t, tokens.Update(t.Context(), keyOf(merchant, "u"), save(connect.Credential{AccessToken: "newer"})))
	require.NoError(
		t, client.VerifyToken(t.Context()), "the call is sent again with the token that the user got meanwhile",
	)
	credential, err := tokens.Load(t.Context(), keyOf(merchant, "u"))
	require.NoError(t, err)
	require.Equal(t, gloebit.Secret("newer"), credential.AccessToken)
}
