package oauth1test_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/stretchr/testify/require"
)

// wire reports everything it transports to a witness.
type wire struct{ leaktest.Witness }

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	w.Saw("Authorization header", r.Header.Get("Authorization"))
	w.Saw("API request", r.URL.String())
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	answer, _ := url.ParseQuery(string(body)) // a body that is not a form has no fields
	if secret := answer.Get("oauth_token_secret"); secret != "" {
		w.Saw("token response", string(body))
		kind := "OAuth 1.0a token secret"
		if strings.HasSuffix(r.URL.Path, "/request-token") {
			kind = "OAuth 1.0a request token secret"
		}
		w.Secret(kind, secret)
	}
	return response, err
}

// kept is a store whose database the witness reads.
type kept struct {
	gloebit.MemoryStateStore
	wire *wire
}

func (k *kept) Put(ctx context.Context, key connect.Key, pending connect.PendingConnection) error {
	k.wire.Saw("database", key.Realm, key.ID, pending.Secret.Reveal(), pending.BrowserHash, pending.ReturnTo)
	k.wire.Hashed("browser binding", pending.BrowserHash)
	return k.MemoryStateStore.Put(ctx, key, pending)
}

func TestNoSecretOfOAuth1Shows(t *testing.T) {
	watch := &wire{}
	inner := &gloebit.MemoryTokenStore{}
	tokens, err := sealed.New(inner, sealed.Key{ID: "k", Secret: "0123456789abcdef0123456789abcdef"})
	require.NoError(t, err)
	w := newWorld(t, func(c *gloebit.Config) {
		c.HTTPClient, c.States, c.Tokens = &http.Client{Transport: watch}, &kept{wire: watch}, tokens
	})
	watch.Secret("client secret", w.app.Secret)
	w.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/gloebit/callback" {
			watch.Saw("callback URL", r.URL.RawQuery)
			watch.Secret("OAuth 1.0a state", r.URL.Query().Get("state"))
			watch.Secret("OAuth 1.0a verifier", r.URL.Query().Get("oauth_verifier"))
		} else {
			watch.Saw("address", r.URL.String())
		}
		return nil
	}
	see := func(path string) {
		_, body, _ := w.get(w.shop.URL + path)
		watch.Saw("page", body)
	}
	see("/buy?x=1")
	for userID, err := range inner.UserIDs(t.Context(), w.merchant.Realm()) {
		require.NoError(t, err)
		key := connect.Key{Realm: w.merchant.Realm(), ID: userID}
		stored, err := inner.Load(t.Context(), key)
		require.NoError(t, err)
		watch.Saw("database", stored.AccessToken.Reveal(), stored.TokenSecret.Reveal())
		opened, err := tokens.Load(t.Context(), key)
		require.NoError(t, err)
		require.NotEmpty(t, opened.TokenSecret)
		watch.Saw("value", fmt.Sprintf("%v %+v %#v %q", opened, opened, opened, opened))
	}
	w.gloebit.RevokeTokens("alice")
	see("/buy")
	see("/gloebit/callback?state=x&oauth_token=y&oauth_verifier=z")
	watch.Saw("log", w.log.String())
	watch.WantsAll(t, leaktest.ReadTable(t, "../../docs/security-tests.md"),
		"OAuth 1.0a state", "OAuth 1.0a verifier", "OAuth 1.0a request token secret", "OAuth 1.0a token secret")
}
