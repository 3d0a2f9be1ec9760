package main

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestDisconnectShowsConfirmation(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{})
	config := shop.Config()
	config.Scopes = []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact}
	handler, err := newShop(config)
	require.NoError(t, err)
	shop.Serve(handler)
	browser := testkit.NewBrowser(t)
	home := do(t, browser, http.MethodGet, shop.Server.URL, nil)
	form := regexp.MustCompile(
		`(?s)action="(/gloebit/disconnect)">.*?name="return_to" value="([^"]+)"`,
	).FindStringSubmatch(home)
	require.NotNil(t, form)
	require.Contains(
		t, do(t, browser, http.MethodPost, shop.Server.URL+form[1], url.Values{"return_to": {form[2]}}),
		"You are disconnected.",
	)
	require.Contains(t, do(t, browser, http.MethodGet, shop.Server.URL, nil), "You have 1000 G$.") // connects again
}
