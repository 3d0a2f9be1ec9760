package oauthtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

const whole = `{"whole":"answer"}`

func newServer() *oauthtest.Server {
	s := oauthtest.New(testkit.NewClock().Now)
	s.Handle("/answer", func(w http.ResponseWriter, _ *http.Request) {
		oauthtest.Write(w, http.StatusOK, whole, "Content-Type", "application/json")
	})
	return s
}

// clients returns a client over loopback and one in memory.
func clients(t *testing.T, s *oauthtest.Server) map[string]*http.Client {
	t.Helper()
	loopback := httptest.NewServer(s)
	t.Cleanup(loopback.Close)
	at, err := url.Parse(loopback.URL)
	require.NoError(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(at)} // so that both have one address
	t.Cleanup(transport.CloseIdleConnections)
	return map[string]*http.Client{
		"loopback": {Transport: transport, CheckRedirect: testkit.Stay},
		"memory":   {Transport: oauthtest.Transport{Handler: s}, CheckRedirect: testkit.Stay},
	}
}

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault  oauthtest.Fault
		status int
		body   string
		header [2]string
		cut    bool // the body, or the whole response, is lost
	}{
		"none": {nil, 200, whole, [2]string{"Content-Type", "application/json"}, false},
		"page": {
			oauthtest.Page(500, "Server Error"), 500, "<h1>Server Error</h1>",
			[2]string{"Content-Type", "text/html; charset=utf-8"}, false,
		},
		"empty":        {oauthtest.Empty(200), 200, "", [2]string{}, false},
		"list":         {oauthtest.JSON(200, `[]`), 200, "[]", [2]string{"Content-Type", "application/json"}, false},
		"moved":        {oauthtest.Moved("/answer/"), 301, "", [2]string{"Location", "/answer/"}, false},
		"unauthorized": {oauthtest.Unauthorized("Bearer", `{}`), 401, "{}", [2]string{"WWW-Authenticate", "Bearer"}, false},
		"too many":     {oauthtest.TooMany(7), 429, "{}", [2]string{"Retry-After", "7"}, false},
		"cut off":      {oauthtest.CutOff(5), 200, whole[:5], [2]string{}, true},
		"dropped":      {oauthtest.Drop(), 0, "", [2]string{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			for name, client := range clients(t, s) {
				t.Run(name, func(t *testing.T) {
					if test.fault != nil {
						s.Inject("/answer", 1, test.fault)
					}
					resp, err := client.Post(
						"http://server.example/answer", "application/x-www-form-urlencoded", strings.NewReader("a=b"),
					)
					if test.status == 0 {
						require.Error(t, err)
						return
					}
					require.NoError(t, err)
					defer resp.Body.Close()
					body, err := io.ReadAll(resp.Body)
					require.Equal(t, test.cut, err != nil, "%v", err)
					require.Equal(t, test.status, resp.StatusCode)
					require.Contains(t, string(body), test.body)
					require.Equal(t, test.header[1], resp.Header.Get(test.header[0]))
					if test.fault != nil { // it is spent
						again, err := client.Get("http://server.example/answer")
						require.NoError(t, err)
						require.Equal(t, whole, testkit.Read(t, again).Body)
					}
				})
			}
			requests := s.Requests("/answer")
			require.Equal(t, "b", requests[0].Form.Get("a"))
			require.Empty(t, s.Requests("/other"))
		})
	}
}

func TestGrants(t *testing.T) {
	clock := testkit.NewClock()
	s := oauthtest.New(clock.Now)
	s.Grants.Add(&oauthtest.Grant{
		Code: "code", CodeEnds: clock.Now().Add(time.Minute),
		Access: "access", AccessEnds: clock.Now().Add(time.Hour), Refresh: "refresh",
	})
	clock.Advance(time.Minute)
	require.Nil(t, s.Grants.WithCode(""))
	require.NotNil(t, s.Grants.WithCode("code"), "its last second")
	clock.Advance(time.Nanosecond)
	require.Nil(t, s.Grants.WithCode("code"))
	grant := s.Grants.WithAccess("access")
	require.NotNil(t, grant)
	require.False(t, s.Grants.Expired(grant))
	clock.Advance(time.Hour)
	require.True(t, s.Grants.Expired(grant))
	require.NotNil(t, s.Grants.WithRefresh("refresh"))
	require.Equal(t, 1, s.Grants.Remove(func(*oauthtest.Grant) bool { return true }))
	require.Nil(t, s.Grants.WithRefresh("refresh"))
}

func TestTexts(t *testing.T) {
	require.Regexp(t, `^[A-Za-z0-9]{30}$`, oauthtest.Text(30))
	require.NotEqual(t, oauthtest.Text(30), oauthtest.Text(30))
}

func TestConsentPage(t *testing.T) {
	recorder := httptest.NewRecorder()
	oauthtest.Form(recorder, "Allow <app>?", "/allow", url.Values{"state": {`"s`}}, [3]string{"action", "deny", "Deny"})
	require.Contains(t, recorder.Body.String(), `<input type="hidden" name="state" value="&#34;s">`)
	require.Contains(t, recorder.Body.String(), `<button name="action" value="deny">Deny</button>`)
	require.NotContains(t, recorder.Body.String(), "<app>")
}
