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
	"github.com/go-gloebit/gloebit/servers/omniport"
	"github.com/go-gloebit/gloebit/servers/omniport/omniporttest"
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

func TestPageShowsTheUser(t *testing.T) {
	server := omniporttest.New(nil)
	at := httptest.NewServer(server)
	defer at.Close()
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	defer site.Close()
	server.AddApplication(omniporttest.Application{
		ClientID: "id", ClientSecret: "secret", RedirectURIs: []string{site.URL + "/oauth/callback"},
	})
	server.AddUser(omniport.User{
		ID: 7, Person: &omniport.Person{FullName: "Ann <Arbor>"}, Student: &omniport.Student{BranchName: "Physics"},
	})
	server.Approve("7")
	handler, err := newSite(connect.Config{
		Server: omniport.Server(at.URL), ClientID: "id", ClientSecret: "secret", RedirectURL: site.URL + "/oauth/callback",
	})
	require.NoError(t, err)
	mux.Handle("/", handler)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	browser := &http.Client{Jar: jar, Transport: transport}

	page := load(t, browser, http.MethodGet, site.URL, nil) // connects on the way
	require.Contains(t, page, "<h1>Ann &lt;Arbor&gt;</h1>")
	require.Contains(t, page, "Studies Physics")

	page = load(t, browser, http.MethodPost, site.URL+"/oauth/disconnect", url.Values{"return_to": {"/left"}})
	require.Contains(t, page, "You are disconnected.")

	server.Decline("7")
	require.Contains(t, load(t, browser, http.MethodGet, site.URL, nil), "Omniport", "the user stays there")
}

func TestInvalidConfigIsReported(t *testing.T) {
	_, err := newSite(connect.Config{Server: omniport.Server("https://channeli.in")})
	require.ErrorContains(t, err, "Config.ClientID")
}
