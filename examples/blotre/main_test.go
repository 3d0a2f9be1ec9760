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
	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/go-gloebit/gloebit/servers/blotre/blotretest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// route is a network in memory.
type route map[string]http.Handler

func (n route) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	came := r.Clone(r.Context())
	came.RequestURI = r.URL.RequestURI()
	if came.Body == nil {
		came.Body = http.NoBody
	}
	n[r.URL.Host].ServeHTTP(recorder, came)
	resp := recorder.Result()
	resp.Request = r
	return resp, nil
}

func TestPage(t *testing.T) {
	server := blotretest.New(nil)
	ann := server.AddUser("Ann")
	server.Approve(ann)
	const callback = "https://app.example/oauth/callback"
	client := server.AddClient("Page", callback)
	site, err := newSite(connect.Config{
		Server: blotre.Server(""), ClientID: client.ID, ClientSecret: connect.Secret(client.Secret), RedirectURL: callback,
		HTTPClient: &http.Client{Transport: server.Transport()},
	})
	require.NoError(t, err)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Transport: route{"app.example": site, "blot.re": server}}
	load := func(method, path string, form url.Values) string {
		r, err := http.NewRequestWithContext(
			t.Context(), method, "https://app.example"+path, strings.NewReader(form.Encode()),
		)
		require.NoError(t, err)
		r.Header.Set("Accept", "text/html")
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "https://app.example")
		}
		resp, err := browser.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(body)
	}
	home := load(http.MethodGet, "/", nil)
	require.Contains(t, home, "You are connected as Ann.")
	require.Contains(t, home, "Your stream Ann is #ffffff.")
	painted := load(http.MethodPost, "/paint", url.Values{"stream": {ann.RootStream}, "color": {"#112233"}})
	require.Contains(t, painted, "Your stream Ann is #112233.")
	require.Contains(
		t, load(http.MethodPost, "/oauth/disconnect", url.Values{"return_to": {"/left"}}), "You are disconnected.",
	)
	require.Len(t, server.Requests("/v0/oauth2/revoke"), 1)
}
