package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/servers/ultracart"
	"github.com/go-gloebit/gloebit/servers/ultracart/ultracarttest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load loads a page as a browser does.
func load(t *testing.T, browser *http.Client, method, target string, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := browser.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

func TestPageShowsTheUsers(t *testing.T) {
	server := ultracarttest.New(ultracarttest.Config{})
	at := httptest.NewServer(server)
	defer at.Close()
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	defer site.Close()
	server.AddApplication(ultracarttest.Application{ClientID: "id", RedirectURIs: []string{site.URL + "/oauth/callback"}})
	server.Answer(
		"GET /user/users",
		`{"success":true,"users":[{"login":"ann","full_name":"Ann <Arbor>","email":"ann@shop.example"},{"login":"bob"}]}`,
	)
	server.Approve("ann")
	handler, err := newSite(connect.Config{
		Server: ultracart.Server(at.URL + "/rest/v2"), ClientID: "id", RedirectURL: site.URL + "/oauth/callback",
	})
	require.NoError(t, err)
	mux.Handle("/", handler)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	browser := &http.Client{Jar: jar, Transport: transport}

	page := load(t, browser, http.MethodGet, site.URL, nil) // connects on the way
	require.Contains(t, page, "<li>Ann &lt;Arbor&gt;, ann@shop.example</li>\n<li>bob</li>")

	page = load(t, browser, http.MethodPost, site.URL+"/oauth/disconnect", url.Values{"return_to": {"/left"}})
	require.Contains(t, page, "You are disconnected.")
	require.Len(t, server.Requests("/rest/v2/oauth/revoke"), 1)

	server.Decline("ann")
	require.Contains(t, load(t, browser, http.MethodGet, site.URL, nil), "You did not approve the connection")
}

func TestInvalidConfigIsReported(t *testing.T) {
	_, err := newSite(connect.Config{Server: ultracart.Server(ultracart.Production)})
	require.ErrorContains(t, err, "Config.ClientID")
}
