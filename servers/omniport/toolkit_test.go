package omniport_test

import (
	"bufio"
	"html"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/servers/omniport"
	"github.com/stretchr/testify/require"
)

// toolkit starts the packages on which Omniport is built, with an application
// that has a redirect URI, and returns their address. Without them the test is
// skipped, or fails if GLOEBIT_toolkit_REQUIRE is all. On Debian they are
// python3-django-oauth-toolkit and python3-djangorestframework.
func toolkit(t *testing.T, redirectURI string) string {
	t.Helper()
	python := ""
	for _, candidate := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(candidate, "-c", "import oauth2_provider, rest_framework").Run() == nil {
			python = candidate
			break
		}
	}
	if python == "" && os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
		t.Fatal("there is no python3 with oauth2_provider and rest_framework")
	}
	if python == "" {
		t.Skip("there is no python3 with oauth2_provider and rest_framework")
	}
	process := exec.CommandContext(t.Context(), python, "testdata/toolkit.py", t.TempDir(), redirectURI, secret)
	output, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() { _ = process.Wait() }) // it was killed
	address, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(address)
}

// field matches a field of a form.
var field = regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)

// allow posts the form of a page, and returns the answer.
func allow(t *testing.T, browser *http.Client, page testkit.Page, base string) testkit.Page {
	t.Helper()
	fields := url.Values{}
	for _, found := range field.FindAllStringSubmatch(page.Body, -1) {
		fields.Set(found[1], html.UnescapeString(found[2]))
	}
	return testkit.Load(t, browser, testkit.NewRequest(t, http.MethodPost, base+"/open_auth/authorise/", fields))
}

// TestToolkit runs the tables of the test server, and follows a user through an
// application, with the packages on which Omniport is built.
func TestToolkit(t *testing.T) {
	var behind *httputil.ReverseProxy // the toolkit, which needs to know the application
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { behind.ServeHTTP(w, r) }))
	defer proxy.Close()
	at := proxy.URL
	app := oauthtest.NewApp(t, omniport.Server(at), secret)
	app.Call = showName
	address, err := url.Parse(toolkit(t, app.Callback()))
	require.NoError(t, err)
	behind = httputil.NewSingleHostReverseProxy(address)
	behind.Transport = &http.Transport{DisableKeepAlives: true}
	for name, test := range map[string]func(*testing.T, func(*testing.T) *world){
		"token": testToken, "revoke": testRevoke, "user data": testUserData,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, func(*testing.T) *world { return &world{url: address.String(), callback: app.Callback()} })
		})
	}
	page := allow(t, app.Browser, app.Page(t), at)
	require.Equal(t, 200, page.Status, page.Body)
	require.Equal(t, "Ann Arbor", page.Body)
	account := app.Account(t)
	first := account.Credential()

	app.Clock.Advance(11 * time.Hour)
	user, err := omniport.NewClient(account).User(t.Context())
	require.NoError(t, err)
	require.Equal(t, omniport.User{ID: 1, Person: ann.Person, Student: ann.Student}, user)
	require.NotEqual(t, first.RefreshToken, account.Credential().RefreshToken)

	app.Save(t, first) // as if the refreshed one was lost
	_, err = omniport.NewClient(app.Account(t)).User(t.Context())
	require.Error(t, err)
	require.Zero(t, app.Tokens.Len(), "the old refresh token is refused")

	page = allow(t, app.Browser, app.Page(t), at)
	require.Equal(t, "Ann Arbor", page.Body)
	last := app.Account(t).Credential()
	require.NoError(t, app.Connector.Disconnect(t.Context(), "ann"))
	require.NotContains(t, app.Log.String(), "could not be revoked")
	ended := &world{url: at}
	require.Equal(t, 401, ended.data(t, last.AccessToken.Reveal()).Status)
}
