package gloebit_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// The tests below are attacks that worked on well-known packages, and bugs that
// they had.

func TestSecurityAttackLoginWithAttackersState(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			attacker, victim := w.browser("mallory"), w.browser("ann")
			code := attacker.callback("/gloebit/connect").Query().Get("code")
			const chosen = "a-state-of-the-attackers-that-is-as-long-as-zzzzzz"
			victim.location("/gloebit/connect?state=" + chosen) // a link that the victim follows
			answer := url.Values{"code": {code}, "state": {chosen}}
			require.Equal(t, http.StatusBadRequest, victim.get("/gloebit/callback?"+answer.Encode()).status)
			require.Zero(t, w.exchanges())
			require.Equal(t, "not connected", victim.get("/optional").body)
		})
	}
}

func TestSecurityAttackHandshakeInQuery(t *testing.T) {
	w := newWorld(t)
	attacker, victim := w.browser(""), w.browser("")
	callback := attacker.callback("/gloebit/connect")
	query := callback.Query()
	for _, cookie := range attacker.cookies() {
		for _, name := range []string{cookie.Name, "session", "token", "handshake", "binding", "sid"} {
			query.Set(name, cookie.Value)
		}
	}
	callback.RawQuery = query.Encode()
	require.Equal(t, http.StatusBadRequest, victim.get(callback.String()).status)
	victim.location("/gloebit/connect")
	require.Equal(t, http.StatusBadRequest, victim.get(callback.String()).status)
	form := victim.do(http.MethodPost, "/gloebit/callback", query, nil)
	require.Equal(t, http.StatusMethodNotAllowed, form.status, "a form post is no answer")
	require.Zero(t, w.exchanges())
	require.Equal(t, "not connected", victim.get("/optional").body)
}

func TestSecurityAttackHandshakeOfTwoDaysAgo(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			b := w.browser("ann")
			authorize, cookies := b.location("/gloebit/connect"), b.cookies()
			w.clock.Advance(48 * time.Hour)
			require.Equal(t, http.StatusBadRequest, w.browser("ann").steal(cookies).get(b.approve(authorize).String()).status)
			require.Zero(t, w.exchanges())
		})
	}
}

func TestSecurityAttackRedirectWithoutStoppingTheHandler(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			var ran atomic.Int32
			goods := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				ran.Add(1)
				_, _ = io.WriteString(rw, "the goods")
			})
			w.mux.Handle("/goods", w.merchant.RequireGloebit(goods))
			w.mux.Handle(
				"/nested",
				w.merchant.Optional(w.merchant.RequireGloebit(w.merchant.RequireScopes(gloebit.ScopeInventory)(goods))),
			)
			b := w.browser("ann")
			b.follow = false
			for _, path := range []string{"/goods", "/nested"} {
				for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions} {
					p := b.do(method, path, nil, nil)
					require.NotEqual(t, http.StatusOK, p.status)
					require.NotContains(t, p.body, "goods")
					if p.status == http.StatusSeeOther {
						require.Empty(t, p.body)
					}
				}
			}
			require.Zero(t, ran.Load())
			b.follow = true
			require.Equal(t, "the goods", b.get("/goods").body)
		})
	}
}

func TestSecurityAttackVerifierInTheCallbackURL(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	callback := b.callback("/gloebit/connect").String()
	chosen := strings.Repeat("attacker", 6)
	require.Equal(
		t, http.StatusOK,
		b.get(
			callback+"&code_verifier="+chosen+"&verifier="+chosen+
				"&redirect_uri=https://evil.example/&scope=inventory&grant_type=password",
		).status,
	)
	form := w.asked("access-token")
	require.Equal(t, []string{w.states.lastPending.Secret.Reveal()}, form["code_verifier"])
	require.Equal(t, []string{w.shop.URL + "/gloebit/callback"}, form["redirect_uri"])
	require.Equal(t, []string{"user balance transact"}, form["scope"])
	require.Equal(t, []string{"authorization_code"}, form["grant_type"])
}

func TestSecurityAttackReadingTheCookie(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorldAt(t, gloebittest.Config{RefreshTokens: true}, mode.change)
			b := w.browser("ann")
			b.get("/private")
			require.Len(t, b.cookies(), 1)
			require.Len(t, b.cookies()[0].Value, 43, "an id of 256 bits, and nothing else")
		})
	}
}

func TestSecurityAttackRefusalFollowedByAnExchange(t *testing.T) {
	w := newWorld(t)
	for _, answer := range []string{"error=access_denied", "error=access_denied&code=", "error=server_error", "error="} {
		b := w.browser("")
		state := b.callback("/gloebit/connect").Query().Get("state")
		require.GreaterOrEqual(t, b.get("/gloebit/callback?state="+state+"&"+answer).status, 400)
	}
	require.Zero(t, w.exchanges())
}

// TestSecurityAttackContextsThatEnd cancels the contexts in which a merchant, a
// connection and a client were created. Later calls have their own contexts.
func TestSecurityAttackContextsThatEnd(t *testing.T) {
	w := newWorldAt(
		t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true},
		func(_ *world, c *gloebit.Config) { c.User = headerUser },
	)
	var kept *gloebit.Client
	w.mux.Handle("/keep", w.merchant.RequireGloebit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		kept = gloebit.MustFromContext(r.Context())
	})))
	require.Equal(t, http.StatusOK, w.browser("ann").get("/keep").status) // that request's context has ended
	for range 3 {
		w.clock.Advance(2 * time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		client, err := w.merchant.Client(ctx, "id of ann")
		require.NoError(t, err)
		cancel()
		_, err = client.Balance(t.Context())
		require.NoError(t, err, "a client that was made in a context that has ended")
	}
	_, err := kept.Balance(t.Context())
	require.NoError(t, err, "a client that a handler has kept")
	require.Equal(t, 4, w.exchanges())

	w.clock.Advance(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	w.gloebit.Inject(gloebittest.Fault{
		Path: "oauth2/access-token", Times: 1, Latency: 100 * time.Millisecond,
		Match: func(gloebittest.Request) bool { cancel(); return true },
	})
	client, err := w.merchant.Client(ctx, "id of ann")
	require.NoError(t, err)
	_, err = client.Balance(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = client.Balance(t.Context())
	require.NoError(t, err, "a caller that goes away while a token is refreshed takes it from no other")
	require.Equal(t, 5, w.exchanges())
}

// replica is another process on the same stores.
func (w *world) replica() *gloebit.Merchant {
	w.t.Helper()
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: w.app.Key, ClientSecret: gloebit.Secret(w.app.Secret), RedirectURL: w.shop.URL + "/gloebit/callback",
		Provider: gloebit.ProviderAt(w.gloebit.URL), Tokens: w.tokens, States: w.states, Clock: w.clock.Now,
	})
	require.NoError(w.t, err)
	return merchant
}

func TestSecurityAttackRotatedTokenIsNeverSaved(t *testing.T) {
	w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
	require.Equal(t, http.StatusOK, w.browser("").get("/private").status)
	userID, _ := w.stored()
	for range 3 { // each starts anew, with nothing but what the one before has saved
		w.clock.Advance(2 * time.Hour)
		client, err := w.replica().Client(t.Context(), userID)
		require.NoError(t, err)
		_, err = client.Balance(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, 4, w.exchanges())
}

func TestSecurityAttackTwoCopiesRefreshedAtOnce(t *testing.T) {
	for name, expire := range map[string]func(*world){
		"before they are sent":       func(w *world) { w.clock.Advance(5 * time.Hour) },
		"as Gloebit says, when sent": func(w *world) { w.gloebit.ExpireTokens("alice") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldAt(t, gloebittest.Config{TokenLifetime: 4 * time.Hour, RefreshTokens: true})
			require.Equal(t, http.StatusOK, w.browser("").get("/private").status)
			userID, _ := w.stored()
			var copies []*gloebit.Client
			for range 2 {
				merchant := w.replica()
				for range 5 {
					client, err := merchant.Client(t.Context(), userID)
					require.NoError(t, err)
					copies = append(copies, client)
				}
			}
			expire(w)
			var group sync.WaitGroup
			for _, client := range copies {
				group.Go(func() {
					if _, err := client.Balance(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			require.Equal(t, 2, w.exchanges(), "one for the code, one refresh for all")
			require.Equal(t, 1, w.tokens.Len())
		})
	}
}
