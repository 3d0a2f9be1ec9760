package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// fuzzed is a fresh Gloebit without a server.
func fuzzed(t *testing.T) (g *gloebittest.Gloebit, token string) {
	t.Helper()
	g = gloebittest.New(gloebittest.Config{RequestLog: -1})
	_, err := g.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)
	_, err = g.AddApplication(gloebittest.Application{
		Key: "key", RedirectPrefixes: []string{"https://shop.example/gloebit"},
		Products: []gloebittest.Product{{Name: "hat", Price: 40}},
	})
	require.NoError(t, err)
	require.NoError(t, g.Approve("alice"))
	token, err = g.IssueToken("key", "alice", "transact", "balance", "inventory")
	require.NoError(t, err)
	return g, token
}

func FuzzTransact(f *testing.F) {
	f.Add(`{"version":1,"id":"1","consumer-key":"key","product":"hat"}`, "application/json")
	f.Add(`{"version":1,"transaction-id":"1","application-key":"key","gloebit-balance-change":1e9,"id":null}`, "")
	f.Add(
		`{"version":1,"id":"1","consumer-key":"key","gloebit-balance-change":-0.0,"asset-quantity":9007199254740993}`, "",
	)
	f.Add(`version=1&id=1&consumer-key=key&product=hat&product-quantity=2`, "application/x-www-form-urlencoded")
	f.Add(`[[[[`, "application/json")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		g, token := fuzzed(t)
		r := httptest.NewRequest(http.MethodPost, "/transact", strings.NewReader(body))
		r.Header["Content-Type"] = []string{contentType}
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		var got struct {
			Success *bool
			Reason  string
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body.String())
		require.NotNil(t, got.Success)
		require.NotEmpty(t, got.Reason)
		balance := g.Balance("alice")
		require.False(t, strings.HasPrefix(balance, "-"), balance)
		if !*got.Success {
			require.Equal(t, "1000", balance)
		}
	})
}

func FuzzAuthorize(f *testing.F) {
	f.Add("client_id=key&redirect_uri=https://shop.example/gloebit&response_type=code&scope=id&state=x")
	f.Add("client_id=key&redirect_uri=https://shop.example.evil.com/gloebit&response_type=code&scope=id")
	f.Add("client_id=key&redirect_uri=https%3A%2F%2Fshop.example%2Fgloebit%2F..%2F&response_type=token&scope=user")
	f.Add("client_id=key&redirect_uri=https://shop.example\\@evil/gloebit&response_type=code&scope=id%zz;")
	f.Fuzz(func(t *testing.T, query string) {
		g, _ := fuzzed(t)
		r := httptest.NewRequest(http.MethodGet, "/oauth2/authorize", nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusBadRequest:
			require.Empty(t, w.Header().Get("Location"))
		case http.StatusFound:
			location, err := url.Parse(w.Header().Get("Location"))
			require.NoError(t, err)
			require.Equal(t, "https", location.Scheme)
			require.True(t, strings.EqualFold("shop.example", location.Host), location.Host)
			require.True(t, strings.HasPrefix(location.Path, "/gloebit"), location.Path)
			require.NotContains(t, strings.Split(location.Path, "/"), "..")
		default:
			t.Fatalf("status %d", w.Code)
		}
	})
}
