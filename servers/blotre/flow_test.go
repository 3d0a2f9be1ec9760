package blotre_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/go-gloebit/gloebit/servers/blotre/blotretest"
	"github.com/stretchr/testify/require"
)

// TestConnect walks through the middleware around Blot're.
func TestConnect(t *testing.T) {
	t.Run("connect and call", func(t *testing.T) {
		w := newWorld(t)
		account := w.account(t)
		require.Equal(t, w.ann.ID, account.Credential().Subject)
		require.Equal(t, "Ann", account.Credential().Name)
		require.Equal(t, w.clock.Now().Add(7200*time.Second), account.Credential().TokenExpiry)

		authorize := w.blotre.Requests("/v0/oauth2/authorize")
		require.Len(t, authorize, 1)
		require.Equal(t, "code", authorize[0].Query.Get("response_type"))
		require.Equal(t, w.client.ID, authorize[0].Query.Get("client_id"))
		require.Equal(t, callback, authorize[0].Query.Get("redirect_uri"))
		require.False(t, authorize[0].Query.Has("scope"))
		token := w.blotre.Requests("/v0/oauth2/access_token")
		require.Len(t, token, 1)
		require.Empty(t, token[0].Header.Get("Authorization"), "no Basic")
		require.NotEmpty(t, token[0].Form.Get("code"))
		require.Equal(t, url.Values{
			"grant_type": {"authorization_code"}, "client_id": {w.client.ID}, "client_secret": {w.client.Secret},
			"code": token[0].Form["code"], "redirect_uri": {callback},
		}, token[0].Form)

		api := blotre.NewClient(account)
		_, created, err := api.CreateStream(t.Context(), blotre.NewStream{Name: "A B C", URI: blotre.JoinURI("Ann", "A B C")})
		require.NoError(t, err)
		require.True(t, created)
	})
	t.Run("denied", func(t *testing.T) {
		w := newWorld(t)
		w.blotre.Deny(w.ann)
		require.Equal(t, http.StatusForbidden, w.open(t).Status)
		require.Zero(t, w.tokens.Len())
	})
	t.Run("consent page", func(t *testing.T) {
		w := newWorld(t)
		w.blotre.SignIn(w.ann)
		page := w.open(t)
		require.Contains(t, page.Body, "Authorize Toaster?")
		form := url.Values{
			"response_type": {"code"}, "client_id": {w.client.ID}, "extra_data": {callback}, "action": {"allow"},
		}
		page = testkit.Load(t, w.browser, testkit.NewRequest(t, http.MethodPost, "https://blot.re/v0/oauth2/authorize", form))
		require.Equal(t, "page", page.Body)
	})
	t.Run("not signed in", func(t *testing.T) {
		w := newWorld(t)
		w.blotre.SignIn(blotretest.User{})
		page := w.open(t)
		require.Equal(t, "/login", page.URL.Path)
		require.Contains(t, page.URL.Query().Get("redirect"), "/v0/oauth2/authorize?")
	})
	t.Run("one refresh for 100 requests", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		for range 50 {
			w.blotre.Inject("/v0/api/stream", 1, func(next http.Handler) http.Handler { return next })
		}
		w.blotre.Inject("/v0/api/stream", 1, func(next http.Handler) http.Handler {
			w.there.Advance(7201 * time.Second)
			return next
		})
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				if _, _, err := api.CreateStream(t.Context(), blotre.NewStream{Name: "a", URI: "ann/a"}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		require.Equal(t, 2, w.count("/v0/oauth2/access_token"))
	})
	t.Run("disconnect revokes", func(t *testing.T) {
		w := newWorld(t)
		refresh := w.account(t).Credential().RefreshToken
		out := testkit.NewRequest(t, http.MethodPost, "https://app.example/oauth/disconnect", url.Values{"return_to": {"/"}})
		out.Header.Set("Origin", "https://app.example")
		testkit.Load(t, w.browser, out)
		require.Zero(t, w.tokens.Len())
		revoked := w.blotre.Requests("/v0/oauth2/revoke")
		require.Len(t, revoked, 1)
		require.Equal(t, http.MethodPost, revoked[0].Method)
		require.Equal(t, url.Values{"token": {refresh.Reveal()}}, revoked[0].Query)
		require.Empty(t, revoked[0].Header.Get("Content-Type"))
		require.Empty(t, revoked[0].Header.Get("Authorization"))
		require.NotContains(t, w.log.String(), "could not be revoked")
		require.NotContains(t, w.log.String(), refresh.Reveal())
	})
	t.Run("disconnect after the end", func(t *testing.T) {
		w := newWorld(t)
		w.account(t)
		w.blotre.Revoke(w.ann)
		require.NoError(t, w.connector.Disconnect(t.Context(), "ann"))
		require.NotContains(t, w.log.String(), "could not be revoked", "404 says that the token has ended")
	})
}

// expiredToken answers as Blot're does to an expired token.
func expiredToken(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token" error_description="Access token is expired"`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"type":"Error","error":"Access token is expired","details":null}`))
	})
}

// TestExpiry has a case for each row of the expiry rule.
func TestExpiry(t *testing.T) {
	const expired = `Bearer error="invalid_token" error_description="Access token is expired"`
	post := func(w *world, api blotre.Client) error {
		_, err := api.SetStatus(context.Background(), w.ann.RootStream, "#112233")
		return err
	}
	t.Run("expired by the clock", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		w.advance(7201 * time.Second)
		require.NoError(t, post(w, api))
		tokens := w.blotre.Requests("/v0/oauth2/access_token")
		require.Len(t, tokens, 2)
		require.Equal(t, "refresh_token", tokens[1].Form.Get("grant_type"))
	})
	t.Run("last second is good", func(t *testing.T) {
		w := newWorld(t)
		token := w.account(t).Credential().AccessToken.Reveal()
		w.advance(7200 * time.Second)
		status, _, _ := w.raw(
			t, http.MethodPost, "api/stream/"+w.ann.RootStream+"/status", `{"color":"#112233"}`, "Authorization",
			"Bearer "+token,
		)
		require.Equal(t, 200, status)
		w.advance(time.Second)
		status, header, _ := w.raw(
			t, http.MethodPost, "api/stream/"+w.ann.RootStream+"/status", `{"color":"#112233"}`, "Authorization",
			"Bearer "+token,
		)
		require.Equal(t, 401, status)
		require.Equal(t, expired, header.Get("WWW-Authenticate"))
	})
	t.Run("challenge refreshes and replays", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		w.blotre.Inject("/v0/api/stream/"+w.ann.RootStream+"/status", 1, expiredToken)
		require.NoError(t, post(w, api))
		require.Equal(t, 2, w.count("/v0/oauth2/access_token"))
	})
	t.Run("second 401 is final", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		w.blotre.Inject("/v0/api/stream/"+w.ann.RootStream+"/status", 9, expiredToken)
		require.ErrorIs(t, post(w, api), connect.ErrTokenExpired)
		require.Equal(t, 2, w.count("/v0/api/stream/"+w.ann.RootStream+"/status"))
		require.Equal(t, 2, w.count("/v0/oauth2/access_token"))
	})
	t.Run("refused refresh leaves the first 401", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		w.blotre.Revoke(w.ann)
		w.blotre.Inject("/v0/api/stream/"+w.ann.RootStream+"/status", 1, expiredToken)
		err := post(w, api)
		var failure *blotre.Error
		require.ErrorAs(t, err, &failure)
		require.Equal(t, 401, failure.Status)
		require.Equal(t, "Access token is expired", failure.Text)
		require.ErrorIs(t, err, connect.ErrNotConnected)
		require.Zero(t, w.tokens.Len())
	})
	t.Run("plain 401 does not refresh", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		w.blotre.Revoke(w.ann)
		err := post(w, api)
		require.ErrorIs(t, err, connect.ErrNotConnected)
		require.NotErrorIs(t, err, connect.ErrTokenExpired)
		require.Equal(t, 1, w.count("/v0/oauth2/access_token"))
		require.Equal(t, 1, w.tokens.Len(), "only a refused refresh forgets the credential")
	})
	t.Run("replaced token is read anew", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		w.browser.Jar = testkit.NewJar(t)
		require.NoError(t, w.connector.Disconnect(t.Context(), "unknown"))
		other, err := w.connector.Account(t.Context(), "ann")
		require.NoError(t, err)
		_, err = other.Renew(t.Context(), time.Now().Add(time.Minute), other.Credential()) // another replica rotates
		require.NoError(t, err)
		require.NoError(t, post(w, api))
		require.Equal(t, 2, w.count("/v0/oauth2/access_token"))
	})
	t.Run("replaced while the refresh is in flight", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		other, err := w.connector.Account(t.Context(), "ann")
		require.NoError(t, err)
		rotated, refused, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		w.blotre.Inject("/v0/oauth2/access_token", 1, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(rw, r)
				close(rotated)
				<-refused // the response is in flight, and not saved yet
			})
		})
		w.blotre.Inject("/v0/api/stream/"+w.ann.RootStream+"/status", 1, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(rw, r)
				close(refused)
			})
		})
		go func() {
			_, err := other.Renew(t.Context(), time.Now().Add(time.Minute), other.Credential())
			done <- err
		}()
		<-rotated
		require.NoError(t, post(w, api))
		require.NoError(t, <-done)
	})
	t.Run("not the owner", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		bob := w.blotre.AddUser("Bob")
		_, err := api.SetStatus(t.Context(), bob.RootStream, "#112233")
		require.ErrorIs(t, err, blotre.ErrNotOwner)
		require.NotErrorIs(t, err, connect.ErrNotConnected)
		require.Equal(t, 1, w.count("/v0/oauth2/access_token"))
	})
	t.Run("no token", func(t *testing.T) {
		w := newWorld(t)
		require.ErrorIs(t, post(w, w.anonymous()), connect.ErrNotConnected)
	})
	t.Run("another device ends the first", func(t *testing.T) {
		w := newWorld(t)
		first := w.account(t).Credential()
		require.NoError(t, w.tokens.Delete(t.Context(), connect.Key{Realm: w.connector.Realm(), ID: "ann"}))
		second := w.account(t).Credential()
		_, err := w.anonymous().TokenInfo(t.Context(), first.AccessToken)
		require.ErrorIs(t, err, connect.ErrNotFound)
		_, err = w.anonymous().TokenInfo(t.Context(), first.RefreshToken)
		require.ErrorIs(t, err, connect.ErrNotFound)
		_, err = w.anonymous().TokenInfo(t.Context(), second.AccessToken)
		require.NoError(t, err)
	})
	t.Run("refresh token lives 14 days", func(t *testing.T) {
		w := newWorld(t)
		api := w.api(t)
		for range 3 {
			w.advance(14 * 24 * time.Hour)
			require.NoError(t, post(w, api), "each refresh renews it")
		}
		w.advance(14*24*time.Hour + time.Second)
		require.ErrorIs(t, post(w, api), connect.ErrNotConnected)
	})
	t.Run("bad token reads", func(t *testing.T) {
		w := newWorld(t)
		status, _, _ := w.raw(t, http.MethodGet, "api/stream", nil, "Authorization", "Bearer nonsense")
		require.Equal(t, 200, status)
	})
	t.Run("query token wins", func(t *testing.T) {
		w := newWorld(t)
		token := w.account(t).Credential().AccessToken.Reveal()
		target := "api/stream/" + w.ann.RootStream + "/status"
		status, _, _ := w.raw(
			t, http.MethodPost, target+"?access_token="+token, `{"color":"#112233"}`, "Authorization", "Bearer nonsense",
		)
		require.Equal(t, 200, status)
		status, _, _ = w.raw(
			t, http.MethodPost, target+"?access_token=nonsense", `{"color":"#112233"}`, "Authorization", "Bearer "+token,
		)
		require.Equal(t, 401, status)
		status, _, _ = w.raw(t, http.MethodPost, target, `{"color":"#112233"}`, "Authorization", "bearer "+token)
		require.Equal(t, 401, status, "the case matters")
		status, _, _ = w.raw(t, http.MethodPost, target, `{"color":"#112233"}`, "Authorization", "Bearer "+token+"-more")
		require.Equal(t, 200, status, "the rest is cut off")
	})
}
