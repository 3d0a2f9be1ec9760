package blotre_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/go-gloebit/gloebit/servers/blotre/blotretest"
	"github.com/stretchr/testify/require"
)

// authorizeQuery is a good authorization request.
func (w *world) authorizeQuery(change ...string) string {
	query := url.Values{
		"response_type": {"code"}, "client_id": {w.client.ID}, "redirect_uri": {callback}, "state": {"sent"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		query.Set(change[i], change[i+1])
	}
	return "oauth2/authorize?" + query.Encode()
}

// TestAuthorize has a case for each row of authorization.
func TestAuthorize(t *testing.T) {
	for name, test := range map[string]struct {
		change    []string
		signedOut bool
		status    int
		location  string
	}{
		"signed in":               {nil, false, 200, ""},
		"a signed-out user":       {nil, true, 302, "/login?redirect="},
		"unknown client":          {[]string{"client_id", "x"}, false, 404, ""},
		"unregistered redirect":   {[]string{"redirect_uri", "https://evil.example/"}, false, 404, ""},
		"slash behind redirect":   {[]string{"redirect_uri", callback + "/"}, false, 404, ""},
		"other response type":     {[]string{"response_type", "token"}, false, 200, ""},
		"scope and PKCE ignored":  {[]string{"scope", "all", "code_challenge", "x"}, false, 200, ""},
		"registered with a slash": {[]string{"redirect_uri", "http://localhost:1"}, false, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.client = w.blotre.AddClient("Toaster", callback, "http://localhost:1/")
			w.blotre.SignIn(w.ann)
			if test.signedOut {
				w.blotre.SignIn(blotretest.User{})
			}
			status, header, body := w.raw(t, http.MethodGet, w.authorizeQuery(test.change...), nil)
			require.Equal(t, test.status, status, body)
			require.Contains(t, header.Get("Location"), test.location)
			require.Equal(t, status == 200 && name != "other response type", strings.Contains(body, "<form"))
		})
	}
	t.Run("consent", func(t *testing.T) {
		w := newWorld(t)
		w.blotre.SignIn(w.ann)
		form := url.Values{
			"response_type": {"code"}, "client_id": {w.client.ID}, "extra_data": {callback}, "action": {"allow"},
		}
		status, header, _ := w.raw(t, http.MethodPost, "oauth2/authorize", form)
		require.Equal(t, 303, status)
		back, err := url.Parse(header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, []string{""}, back.Query()["state"], "there, and empty")
		require.NotEmpty(t, back.Query().Get("code"))
		form.Set("action", "deny")
		_, header, _ = w.raw(t, http.MethodPost, "oauth2/authorize", form)
		back, err = url.Parse(header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, "access_denied", back.Query().Get("error"))
		require.Equal(t, []string{""}, back.Query()["state"])
	})
	t.Run("trailing slash", func(t *testing.T) {
		w := newWorld(t)
		status, header, _ := w.raw(t, http.MethodGet, "api/stream/?query=a", nil)
		require.Equal(t, 301, status)
		require.Equal(t, "/v0/api/stream?query=a", header.Get("Location"))
	})
}

// code returns a fresh authorization code of Ann's.
func (w *world) code(t *testing.T) string {
	t.Helper()
	_, header, _ := w.raw(t, http.MethodGet, w.authorizeQuery(), nil)
	back, err := url.Parse(header.Get("Location"))
	require.NoError(t, err)
	return back.Query().Get("code")
}

// form is a token request.
func (w *world) form(pairs ...string) url.Values {
	form := url.Values{"client_id": {w.client.ID}, "client_secret": {w.client.Secret}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// TestTokenEndpoint has a case for each row of the token endpoint. The test
// server responds as Blot're does.
func TestTokenEndpoint(t *testing.T) {
	other := func(w *world) blotretest.Client { return w.blotre.AddClient("Other", callback) }
	for name, test := range map[string]struct {
		form func(t *testing.T, w *world) url.Values
		err  string
	}{
		"code": {func(t *testing.T, w *world) url.Values {
			return w.form("grant_type", "authorization_code", "code", w.code(t), "redirect_uri", callback, "unknown", "field")
		}, ""},
		"no client": {func(t *testing.T, w *world) url.Values {
			return url.Values{"grant_type": {"authorization_code"}, "code": {w.code(t)}, "redirect_uri": {callback}}
		}, "invalid_grant"},
		"unknown code": {func(t *testing.T, w *world) url.Values {
			return w.form("grant_type", "authorization_code", "code", "x", "redirect_uri", callback)
		}, "invalid_grant"},
		"late code": {func(t *testing.T, w *world) url.Values {
			code := w.code(t)
			w.advance(3601 * time.Second)
			return w.form("grant_type", "authorization_code", "code", code, "redirect_uri", callback)
		}, "invalid_grant"},
		"replaced code": {func(t *testing.T, w *world) url.Values {
			code := w.code(t)
			w.code(t)
			return w.form("grant_type", "authorization_code", "code", code, "redirect_uri", callback)
		}, "invalid_grant"},
		"other redirect": {func(t *testing.T, w *world) url.Values {
			return w.form("grant_type", "authorization_code", "code", w.code(t), "redirect_uri", callback+"/")
		}, "invalid_grant"},
		"other client's code": {func(t *testing.T, w *world) url.Values {
			code := w.code(t)
			w.client = other(w)
			return w.form("grant_type", "authorization_code", "code", code, "redirect_uri", callback)
		}, "invalid_grant"},
		"wrong secret": {func(t *testing.T, w *world) url.Values {
			return w.form("grant_type", "authorization_code", "code", w.code(t), "redirect_uri", callback, "client_secret", "x")
		}, "invalid_client"},
		"wrong secret and code": {func(t *testing.T, w *world) url.Values {
			return w.form("grant_type", "authorization_code", "code", "x", "redirect_uri", callback, "client_secret", "x")
		}, "invalid_grant"},
		"unknown refresh token": {func(t *testing.T, w *world) url.Values {
			return w.form("grant_type", "refresh_token", "refresh_token", "x")
		}, "invalid_grant"},
		"other client's refresh token": {func(t *testing.T, w *world) url.Values {
			refresh := w.account(t).Credential().RefreshToken.Reveal()
			w.client = other(w)
			return w.form("grant_type", "refresh_token", "refresh_token", refresh)
		}, "invalid_client"},
		"refresh": {func(t *testing.T, w *world) url.Values {
			return w.form("grant_type", "refresh_token", "refresh_token", w.account(t).Credential().RefreshToken.Reveal())
		}, ""},
		"unknown one-time code": {func(t *testing.T, w *world) url.Values {
			return w.form("grant_type", blotre.OneTimeCode, "code", "x")
		}, "invalid_grant"},
		"no grant": {func(t *testing.T, w *world) url.Values { return w.form() }, "unsupported_grant_type"},
		"unknown grant": {
			func(t *testing.T, w *world) url.Values { return w.form("grant_type", "password") }, "unsupported_grant_type",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			status, header, body := w.raw(t, http.MethodPost, "oauth2/access_token", test.form(t, w))
			require.Equal(t, "no-cache, no-store, must-revalidate", header.Get("Cache-Control"))
			require.Equal(t, "0", header.Get("Expires"))
			if test.err != "" {
				require.Equal(t, 400, status)
				require.JSONEq(t, `{"error":"`+test.err+`","error_description":""}`, body)
				return
			}
			require.Equal(t, 200, status, body)
			require.Equal(t, "bearer", member(t, body, "token_type"))
			require.EqualValues(t, 7200, member(t, body, "expires_in"))
			require.Regexp(t, `^[A-Za-z0-9]{48}$`, member(t, body, "access_token"))
			require.Regexp(t, `^[A-Za-z0-9]{48}$`, member(t, body, "refresh_token"))
			require.Equal(
				t, map[string]any{"id": w.ann.ID, "userName": "Ann", "rootStream": w.ann.RootStream}, member(t, body, "user"),
			)
			require.Nil(t, member(t, body, "scope"))
		})
	}
	t.Run("used code", func(t *testing.T) {
		w := newWorld(t)
		form := w.form("grant_type", "authorization_code", "code", w.code(t), "redirect_uri", callback)
		status, _, _ := w.raw(t, http.MethodPost, "oauth2/access_token", form)
		require.Equal(t, 200, status)
		status, _, _ = w.raw(t, http.MethodPost, "oauth2/access_token", form)
		require.Equal(t, 400, status)
	})
	t.Run("JSON is refused", func(t *testing.T) {
		w := newWorld(t)
		status, _, body := w.raw(t, http.MethodPost, "oauth2/access_token", `{}`)
		require.Equal(t, 415, status)
		require.Contains(t, body, "<html>")
	})
	t.Run("null user", func(t *testing.T) {
		w := newWorld(t)
		w.blotre.Inject("/v0/oauth2/access_token", 1, oauthtest.JSON(200,
			`{"access_token":"aaaa","token_type":"bearer","expires_in":7200,"refresh_token":"rrrr","user":null}`))
		account := w.account(t)
		require.Empty(t, account.Credential().Subject)
	})
}

func TestTokenInfo(t *testing.T) {
	w := newWorld(t)
	credential := w.account(t).Credential()
	w.advance(200 * time.Second)
	for name, token := range map[string]connect.Secret{
		"access": credential.AccessToken, "refresh": credential.RefreshToken,
	} {
		t.Run(name, func(t *testing.T) {
			info, err := w.anonymous().TokenInfo(t.Context(), token)
			require.NoError(t, err)
			require.Equal(t, blotre.TokenInfo{
				Issued: credential.ConnectedAt.UTC(), ExpiresIn: 7000 * time.Second, ClientID: w.client.ID,
				User: blotre.User{ID: w.ann.ID, Name: "Ann", RootStream: w.ann.RootStream},
			}, info)
			last := w.last(t)
			require.Equal(t, "GET /v0/oauth2/token_info", last.Method+" "+last.Path)
			require.Equal(t, url.Values{"token": {token.Reveal()}}, last.Query)
		})
	}
	t.Run("expired", func(t *testing.T) {
		w.advance(7001 * time.Second)
		_, err := w.anonymous().TokenInfo(t.Context(), credential.AccessToken)
		require.ErrorIs(t, err, connect.ErrNotFound)
		info, err := w.anonymous().TokenInfo(t.Context(), credential.RefreshToken)
		require.NoError(t, err)
		require.Zero(t, info.ExpiresIn)
	})
	t.Run("null user", func(t *testing.T) {
		w.blotre.Inject(
			"/v0/oauth2/token_info", 1, oauthtest.JSON(200, `{"issued":1,"expires_in":2,"client_id":"c","user":null}`),
		)
		info, err := w.anonymous().TokenInfo(t.Context(), "t")
		require.NoError(t, err)
		require.Zero(t, info.User)
	})
	t.Run("no lifetime", func(t *testing.T) {
		w.blotre.Inject("/v0/oauth2/token_info", 1, oauthtest.JSON(200, `{"issued":1}`))
		_, err := w.anonymous().TokenInfo(t.Context(), "t")
		require.ErrorIs(t, err, connect.ErrInvalidResponse)
	})
}

func TestRevoke(t *testing.T) {
	t.Run("ends both", func(t *testing.T) {
		w := newWorld(t)
		credential := w.account(t).Credential()
		require.NoError(t, w.anonymous().Revoke(t.Context(), credential.AccessToken))
		require.Empty(t, w.last(t).Header.Get("Content-Type"))
		require.Empty(t, w.last(t).Body)
		_, err := w.anonymous().TokenInfo(t.Context(), credential.RefreshToken)
		require.ErrorIs(t, err, connect.ErrNotFound)
		require.ErrorIs(t, w.anonymous().Revoke(t.Context(), credential.AccessToken), connect.ErrNotFound, "revoked before")
	})
	t.Run("form is refused", func(t *testing.T) {
		w := newWorld(t)
		token := w.account(t).Credential().AccessToken.Reveal()
		status, _, _ := w.raw(t, http.MethodPost, "oauth2/revoke?token="+token, url.Values{})
		require.Equal(t, 403, status)
		status, _, _ = w.raw(t, http.MethodPost, "oauth2/revoke?token="+token, url.Values{}, "Csrf-Token", "nocheck")
		require.Equal(t, 200, status)
	})
	t.Run("unknown token is not quoted", func(t *testing.T) {
		w := newWorld(t)
		err := w.anonymous().Revoke(t.Context(), "canary-canary")
		require.EqualError(t, err, "blotre: status 404: No such token")
	})
}
