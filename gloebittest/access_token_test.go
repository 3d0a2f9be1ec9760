package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

func TestACodeIsExchangedForAToken(t *testing.T) {
	ways := map[string]func(*world, string) answer{
		"by a form": func(w *world, code string) answer { return w.exchange(code) },
		"by a form on the path with a slash": func(w *world, code string) answer {
			return w.postForm("oauth2/access-token/", w.exchangeForm(code))
		},
		"by a query, as one published client does": func(w *world, code string) answer {
			return w.get("oauth2/access-token?"+w.exchangeForm(code).Encode(), "")
		},
		"with Basic credentials": func(w *world, code string) answer {
			form := w.exchangeForm(code, "client_id", "-", "client_secret", "-")
			r := w.request(http.MethodPost, "oauth2/access-token", "", form.Encode())
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			r.SetBasicAuth(w.app.Key, w.app.Secret)
			return w.do(r)
		},
		"with Basic credentials and the key but no scope, as the PHP sample does": func(w *world, code string) answer {
			r := w.request(http.MethodPost, "oauth2/access-token", "",
				w.exchangeForm(code, "client_secret", "-", "scope", "-").Encode())
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(w.app.Key, w.app.Secret)
			return w.do(r)
		},
		"by a form without a content type": func(w *world, code string) answer {
			return w.post("oauth2/access-token", "", w.exchangeForm(code).Encode())
		},
		"with the scope in another order and under another name": func(w *world, code string) answer {
			return w.exchange(code, "scope", "transact balance user")
		},
		"with an unexpected code_verifier": func(w *world, code string) answer {
			return w.exchange(code, "code_verifier", "whatever")
		},
	}
	for name, exchange := range ways {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, gloebittest.Config{})
			a := exchange(w, w.connect())
			require.Equal(t, http.StatusOK, a.status, a.text)
			require.Equal(t, "id balance transact", a.json["scope"])
			require.Equal(t, w.alice.ID, a.json["app_user_id"])
			require.NotContains(t, a.json, "expires_in")
			require.NotContains(t, a.json, "refresh_token")
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
			require.Equal(t, true, w.get("no-op", a.json["access_token"].(string)).json["success"])
		})
	}
}

func TestBasicCredentialsMayBeEncoded(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	for _, secret := range []string{"plain", "a+b", "a b", "100%", "%41", "a/b:c="} {
		w.app.Secret = secret
		require.NoError(t, w.server.SetApplication(w.app))
		for name, sent := range map[string][2]string{
			"encoded (RFC 6749)":   {url.QueryEscape(w.app.Key), url.QueryEscape(secret)},
			"as is (PHP's client)": {w.app.Key, secret},
		} {
			t.Run(secret+" "+name, func(t *testing.T) {
				form := w.exchangeForm(w.connect(), "client_secret", "-", "scope", "-")
				r := w.request(http.MethodPost, "oauth2/access-token", "", form.Encode())
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.SetBasicAuth(sent[0], sent[1])
				a := w.do(r)
				require.Equal(t, http.StatusOK, a.status, a.text)
			})
		}
	}
}

func TestTheTokenEndpointRefuses(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	other, err := w.server.AddApplication(gloebittest.Application{Name: "Other shop"})
	require.NoError(t, err)
	tests := map[string]struct {
		changes []string
		extra   string
		status  int
		code    string
	}{
		"a wrong secret":         {changes: []string{"client_secret", "x"}, status: 401, code: "invalid_client"},
		"no secret":              {changes: []string{"client_secret", "-"}, status: 401, code: "invalid_client"},
		"an unknown application": {changes: []string{"client_id", "x"}, status: 401, code: "invalid_client"},
		"another application": {
			changes: []string{"client_id", other.Key, "client_secret", other.Secret}, status: 400, code: "invalid_grant",
		},
		"no grant type": {changes: []string{"grant_type", "-"}, status: 400, code: "invalid_request"},
		"an unknown grant type": {
			changes: []string{"grant_type", "password"}, status: 400, code: "unsupported_grant_type",
		},
		"refreshing when it's off": {
			changes: []string{"grant_type", "refresh_token", "refresh_token", "x"}, status: 400,
			code: "unsupported_grant_type",
		},
		"no code":         {changes: []string{"code", "-"}, status: 400, code: "invalid_request"},
		"an unknown code": {changes: []string{"code", "x"}, status: 400, code: "invalid_grant"},
		"no scope":        {changes: []string{"scope", "-"}, status: 400, code: "invalid_request"},
		"a wider scope": {
			changes: []string{"scope", "id balance transact inventory"}, status: 400, code: "invalid_scope",
		},
		"a narrower scope":     {changes: []string{"scope", "id"}, status: 400, code: "invalid_scope"},
		"an unknown scope":     {changes: []string{"scope", "id balance transact x"}, status: 400, code: "invalid_scope"},
		"no redirect URI":      {changes: []string{"redirect_uri", "-"}, status: 400, code: "invalid_request"},
		"another redirect URI": {changes: []string{"redirect_uri", callbackURL + "/"}, status: 400, code: "invalid_grant"},
		"a repeated parameter": {extra: "&scope=id", status: 400, code: "invalid_request"},
		"a malformed form":     {extra: "&x=%zz", status: 400, code: "invalid_request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code := w.connect()
			body := w.exchangeForm(code, test.changes...).Encode() + test.extra
			r := w.request(http.MethodPost, "oauth2/access-token", "", body)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			a := w.do(r)
			require.Equal(t, test.status, a.status, a.text)
			require.Equal(t, test.code, a.json["error"])
			require.NotEmpty(t, a.json["reason"])
			require.NotContains(t, a.json, "access_token")
			require.Equal(t, http.StatusOK, w.exchange(code).status, "the code is still valid for its own application")
		})
	}
}

func TestTheTokenEndpointRefusesOtherForms(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	code := w.connect()
	t.Run("a JSON body", func(t *testing.T) {
		r := w.request(http.MethodPost, "oauth2/access-token", "", `{"code":"x"}`)
		r.Header.Set("Content-Type", "application/json")
		require.Equal(t, "invalid_request", w.do(r).json["error"])
	})
	t.Run("parameters in the query of a POST", func(t *testing.T) {
		a := w.postForm("oauth2/access-token?"+w.exchangeForm(code).Encode(), url.Values{})
		require.Equal(t, "invalid_client", a.json["error"])
	})
	t.Run("credentials in two places", func(t *testing.T) {
		r := w.request(http.MethodPost, "oauth2/access-token", "", w.exchangeForm(code).Encode())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(w.app.Key, w.app.Secret)
		require.Equal(t, "invalid_request", w.do(r).json["error"])
	})
	t.Run("wrong Basic credentials, with a challenge", func(t *testing.T) {
		r := w.request(
			http.MethodPost, "oauth2/access-token", "", w.exchangeForm(code, "client_id", "-", "client_secret", "-").Encode(),
		)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(w.app.Key, "100%")
		a := w.do(r)
		require.Equal(t, http.StatusUnauthorized, a.status)
		require.Contains(t, a.header.Get("WWW-Authenticate"), "Basic")
	})
	t.Run("another method", func(t *testing.T) {
		require.Equal(t, http.StatusMethodNotAllowed, w.do(w.request(http.MethodPut, "oauth2/access-token", "", "")).status)
	})
}

func TestCodeIsValidOnceForOneMinute(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	code := w.connect()
	token := w.exchange(code).json["access_token"].(string)
	require.Equal(t, true, w.get("no-op", token).json["success"])
	require.Equal(t, "invalid_grant", w.exchange(code).json["error"])
	require.Equal(t, false, w.get("no-op", token).json["success"], "the token of the first use is taken back")

	code = w.connect()
	w.clock.Advance(time.Minute - time.Nanosecond)
	require.Equal(t, http.StatusOK, w.exchange(code).status)
	code = w.connect()
	w.clock.Advance(time.Minute)
	require.Equal(t, "invalid_grant", w.exchange(code).json["error"])
}

func TestPKCEIsChecked(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	asked := []string{"code_challenge", challenge, "code_challenge_method", "S256"}
	for name, test := range map[string]struct {
		verifier string
		status   int
	}{
		"the verifier fits":    {verifier, http.StatusOK},
		"the verifier differs": {verifier + "x", http.StatusBadRequest},
		"the challenge itself": {challenge, http.StatusBadRequest},
		"no verifier":          {"-", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.exchange(w.connect(asked...), "code_verifier", test.verifier)
			require.Equal(t, test.status, a.status, a.text)
		})
	}
}

func TestRefreshing(t *testing.T) {
	w := newWorld(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
	other, err := w.server.AddApplication(gloebittest.Application{Name: "Other shop"})
	require.NoError(t, err)
	refresh := func(token string, changes ...string) answer {
		return w.postForm("oauth2/access-token", change(url.Values{
			"client_id": {w.app.Key}, "client_secret": {w.app.Secret},
			"grant_type": {"refresh_token"}, "refresh_token": {token},
		}, changes...))
	}
	first := w.exchange(w.connect())
	require.Equal(t, json.Number("3600"), first.json["expires_in"])
	w.clock.Advance(time.Hour)
	require.Equal(t, "token has expired", w.get("balance", first.json["access_token"].(string)).json["reason"])

	old := first.json["refresh_token"].(string)
	require.Equal(t, "invalid_grant", refresh(old, "client_id", other.Key, "client_secret", other.Secret).json["error"])
	require.Equal(t, "invalid_scope", refresh(old, "scope", "id inventory").json["error"])
	require.Equal(t, "invalid_request", refresh("").json["error"])
	second := refresh(old, "scope", "id balance transact")
	require.Equal(t, http.StatusOK, second.status, second.text)
	require.NotEqual(t, old, second.json["refresh_token"])
	require.Equal(t, true, w.get("balance", second.json["access_token"].(string)).json["success"])
	require.Equal(t, "unknown token2", w.get("balance", first.json["access_token"].(string)).json["reason"])
	require.Equal(t, "invalid_grant", refresh(old).json["error"], "a used refresh token is refused")

	require.Equal(t, 1, w.server.ExpireTokens("alice"))
	require.Equal(
		t, http.StatusOK, refresh(second.json["refresh_token"].(string)).status, "expiry leaves the refresh token alone",
	)
	require.Equal(t, 1, w.server.RevokeTokens("alice"))
	require.Equal(t, "invalid_grant", refresh(second.json["refresh_token"].(string)).json["error"])
}

func TestRevokingAnApproval(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.exchange(w.connect()).json["access_token"].(string)
	code := w.connect("scope", "balance")
	require.False(t, w.server.RevokeApproval("unknown", w.app.Key))
	require.False(t, w.server.RevokeApproval("bob", w.app.Key))
	require.True(t, w.server.RevokeApproval("alice", w.app.Key))
	require.False(t, w.server.RevokeApproval("alice", w.app.Key))
	require.Empty(t, w.server.Approvals("alice"))
	require.Equal(t, "unknown token2", w.get("balance", token).json["reason"])
	require.Equal(
		t, "invalid_grant", w.exchange(code, "scope", "balance").json["error"],
		"pending codes are revoked too",
	)
}

func TestTheOAuth2LibraryConnects(t *testing.T) {
	w := newWorld(t, gloebittest.Config{RefreshTokens: true, TokenLifetime: time.Hour})
	for name, style := range map[string]oauth2.AuthStyle{
		"in the body": oauth2.AuthStyleInParams, "in the header": oauth2.AuthStyleInHeader,
	} {
		t.Run("with credentials "+name, func(t *testing.T) {
			config := oauth2.Config{
				ClientID: w.app.Key, ClientSecret: w.app.Secret, RedirectURL: callbackURL, Scopes: []string{"user", "balance"},
				Endpoint: oauth2.Endpoint{
					AuthURL: w.server.URL + "oauth2/authorize", TokenURL: w.server.URL + "oauth2/access-token", AuthStyle: style,
				},
			}
			require.NoError(t, w.server.Approve("alice"))
			response, err := w.client.Get(config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
			require.NoError(t, err)
			location, err := url.Parse(readAnswer(t, response).header.Get("Location"))
			require.NoError(t, err)
			token, err := config.Exchange(t.Context(), location.Query().Get("code"),
				oauth2.VerifierOption(verifier), oauth2.SetAuthURLParam("scope", "user balance"))
			require.NoError(t, err)
			require.NotEmpty(t, token.RefreshToken)
			require.Equal(t, w.alice.ID, token.Extra("app_user_id"))

			response, err = config.Client(t.Context(), token).Get(w.server.URL + "user")
			require.NoError(t, err)
			require.Equal(t, "alice", readAnswer(t, response).json["name"])
		})
	}
}
