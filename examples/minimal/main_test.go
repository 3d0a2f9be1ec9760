package main

import (
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
	"github.com/stretchr/testify/require"
)

func TestLostResponseChargesOnce(t *testing.T) {
	server := gloebittest.NewServer() // a whole Gloebit
	defer server.Close()
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	defer site.Close()
	app, err := server.AddApplication(gloebittest.Application{
		RedirectPrefixes: []string{site.URL + "/"},
		Products:         []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	require.NoError(t, err)
	_, err = server.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)
	require.NoError(t, server.Approve("alice")) // she approves whatever she is asked

	shop, err := newShop(gloebit.Config{
		ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret),
		RedirectURL: site.URL + "/gloebit/callback",
		Scopes:      []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact},
		Provider:    gloebit.ProviderAt(server.URL),
	})
	require.NoError(t, err)
	mux.Handle("/", shop)

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	home := do(t, browser, http.MethodGet, site.URL, nil) // connects on the way
	require.Contains(t, home, "You have 1000 G$.")
	order := regexp.MustCompile(`name="order" value="([^"]+)"`).FindStringSubmatch(home)[1]

	// The first answer is lost after the charge, and then there is a double click.
	server.Inject(gloebittest.Fault{Path: "transact", Times: 1, Drop: true, After: true})
	for range 2 {
		page := do(t, browser, http.MethodPost, site.URL+"/buy/green-hat", url.Values{"order": {order}})
		require.Contains(t, page, "960 G$ left")
	}
	require.Equal(t, "960", server.Balance("alice"))
}

func TestInvalidConfigIsReported(t *testing.T) {
	_, err := newShop(gloebit.Config{})
	require.ErrorContains(t, err, "Config.ClientID")
}

// do loads a page as a browser does.
func do(t *testing.T, browser *http.Client, method, target string, form url.Values) string {
	t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := browser.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}
