package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
)

func TestMain(m *testing.M) {
	// scs.New starts a goroutine that can't be stopped for certain.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"))
}

func TestDoubleClickChargesAndDeliversOnce(t *testing.T) {
	server := gloebittest.NewServerConfig(gloebittest.Config{Queue: gloebittest.Queue{Manual: true}})
	defer server.Close()
	var shop http.Handler
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { shop.ServeHTTP(w, r) }))
	defer site.Close()
	app, err := server.AddApplication(gloebittest.Application{RedirectPrefixes: []string{site.URL + "/"}})
	require.NoError(t, err)
	_, err = server.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)
	require.NoError(t, server.Approve("alice"))
	shop, _, err = newShop(site.URL, gloebit.Config{
		ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret), Provider: gloebit.At(server.URL),
	})
	require.NoError(t, err)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	load := func(method, path string, form url.Values) (status int, page string, err error) {
		req, err := http.NewRequestWithContext(t.Context(), method, site.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			return 0, "", err
		}
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", form.Get("origin"))
		resp, err := client.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	sees := func(want int, method, path string, form url.Values, texts ...string) (page string) {
		t.Helper()
		status, page, err := load(method, path, form)
		require.NoError(t, err)
		require.Equal(t, want, status, page)
		for _, text := range texts {
			require.Contains(t, page, text)
		}
		return page
	}

	sees(http.StatusOK, "GET", "/", nil, "Sign in")
	sees(http.StatusUnauthorized, "POST", "/buy", nil)
	sees(http.StatusForbidden, "POST", "/sign-in", url.Values{"name": {"a"}, "origin": {"http://evil.example"}})
	sees(http.StatusOK, "GET", "/", nil, "Sign in")
	sees(http.StatusOK, "POST", "/sign-in", url.Values{"name": {"a"}}, "Hello, a.", "/gloebit/connect?return_to=%2F")
	sees(http.StatusUnauthorized, "POST", "/buy", nil)
	page := sees(http.StatusOK, "GET", "/gloebit/connect?return_to=/", nil, "You have 1000 G$. Hats: 0.")
	order := regexp.MustCompile(`name="order" value="([^"]+)"`).FindStringSubmatch(page)[1]

	var clicks errgroup.Group
	for range 2 {
		clicks.Go(func() error {
			status, page, err := load("POST", "/buy", url.Values{"order": {order}})
			if err == nil && status != http.StatusOK {
				err = errors.New(page)
			}
			return err
		})
	}
	require.NoError(t, clicks.Wait())
	require.NoError(t, server.Settle(t.Context()))
	require.Len(t, server.Transactions(), 1)
	require.Equal(t, "960", server.Balance("alice"))
	sees(http.StatusOK, "GET", "/", nil, "You have 960 G$. Hats: 1.")
	sees(http.StatusOK, "POST", "/buy", url.Values{"order": {order}}, "You have 960 G$. Hats: 1.")
	sees(http.StatusOK, "POST", "/sign-in", url.Values{"name": {"b"}}, "Hello, b.", "Connect to Gloebit")
}

func TestDeliverHandsOverOneHatPerPurchase(t *testing.T) {
	hats := &hats{owners: map[string]string{}}
	for _, purchase := range []ledger.Purchase{{ID: "1", UserID: "a"}, {ID: "1", UserID: "a"}, {ID: "2", UserID: "a"}} {
		require.NoError(t, hats.Deliver(t.Context(), purchase))
	}
	require.Equal(t, 2, hats.of("a"))
	require.Zero(t, hats.of("b"))
}

func TestConfigErrorIsReturned(t *testing.T) {
	_, _, err := newShop("http://127.0.0.1:8080", gloebit.Config{})
	require.ErrorContains(t, err, "Config.ClientID")
}
