package sandbox_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/internal/sandbox"
	"github.com/stretchr/testify/require"
)

func TestHosts(t *testing.T) {
	s := start(t, sandbox.Config{Hosts: []string{"Sandbox.example", "2001:db8::7"}})
	token, err := s.box.Gloebit().IssueToken(s.app.Key, "alice", "transact")
	require.NoError(t, err)
	for host, answered := range map[string]bool{
		"localhost":                  true,
		"LocalHost.:8081":            true,
		"shop.localhost:8081":        true,
		"127.0.0.1:8081":             true,
		"127.9.9.9":                  true,
		"[::1]:8081":                 true,
		"0.0.0.0:8081":               true,
		"sandbox.example":            true,
		"SANDBOX.example.:8081":      true,
		"[2001:db8::7]:8081":         true,
		"rebound.example":            false,
		"rebound.example:8081":       false,
		"sandbox.example.evil":       false,
		"evil-sandbox.example":       false,
		"localhost.rebound.example":  false,
		"evillocalhost":              false,
		"127.0.0.1.rebound.example":  false,
		"10.1.2.3":                   false,
		"[2001:db8::8]":              false,
		"localhost@rebound.example":  false,
		"rebound.example:127.0.0.1":  false,
		"127.0.0.1:rebound.example":  false,
		"rebound.example, localhost": false,
	} {
		t.Run(host, func(t *testing.T) {
			before := s.box.Gloebit().Balance("alice")
			for path, body := range map[string]string{
				"/merchant/" + s.app.Key: "",
				"/transact":              `{"version":1,"application-key":"` + s.app.Key + `","gloebit-balance-change":1}`,
			} {
				method := http.MethodGet
				if body != "" {
					method = http.MethodPost
				}
				r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
				require.NoError(t, err)
				r.Host = host
				r.Header.Set("Authorization", "Bearer "+token)
				response, err := http.DefaultClient.Do(r)
				require.NoError(t, err)
				text, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				if answered {
					require.Equal(t, http.StatusOK, response.StatusCode, string(text))
					continue
				}
				// net/http itself rejects an invalid Host header.
				require.Contains(t, []int{http.StatusMisdirectedRequest, http.StatusBadRequest}, response.StatusCode)
				require.NotContains(t, string(text), s.app.Secret)
			}
			require.Equal(t, answered, s.box.Gloebit().Balance("alice") != before)
		})
	}
}

func TestOwnAddressIsAnswered(t *testing.T) {
	box, err := sandbox.New(sandbox.Config{})
	require.NoError(t, err)
	for host, want := range map[string]int{
		"192.0.2.7:8081": http.StatusOK, "192.0.2.8:8081": http.StatusMisdirectedRequest, "": http.StatusMisdirectedRequest,
	} {
		local := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 8081}
		r := httptest.NewRequestWithContext(
			context.WithValue(t.Context(), http.LocalAddrContextKey, local), http.MethodGet, "/", nil,
		)
		r.Host = host
		w := httptest.NewRecorder()
		box.Handler().ServeHTTP(w, r)
		require.Equal(t, want, w.Code, host)
	}
}

func TestOtherSitesScriptsAreRefused(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	token, err := s.box.Gloebit().IssueToken(s.app.Key, "alice", "balance")
	require.NoError(t, err)
	buy := []string{"amount", "100", "user", "alice"}
	exchange := []string{"client_id", s.app.Key, "client_secret", s.app.Secret, "grant_type", "authorization_code"}
	for name, test := range map[string]struct {
		method, path string
		form         []string
		site, mode   string
		origin       string
		status       int
	}{
		"script reads a page":           {"GET", "/merchant/" + s.app.Key, nil, "cross-site", "no-cors", "", 403},
		"script of another port reads":  {"GET", "/merchant/" + s.app.Key, nil, "same-site", "cors", s.shop, 403},
		"script without a mode":         {"GET", "/merchant/" + s.app.Key, nil, "cross-site", "", "", 403},
		"script calls the API":          {"GET", "/balance", nil, "cross-site", "cors", s.shop, 403},
		"script exchanges by GET":       {"GET", "/oauth2/access-token", nil, "cross-site", "no-cors", "", 403},
		"script authorizes":             {"GET", s.authorize(), nil, "cross-site", "no-cors", "", 403},
		"preflight":                     {"OPTIONS", "/balance", nil, "cross-site", "cors", s.shop, 403},
		"form buys":                     {"POST", "/purchase", buy, "cross-site", "navigate", s.shop, 403},
		"form buys with a slash":        {"POST", "/purchase/", buy, "cross-site", "navigate", s.shop, 403},
		"form buys, older browser":      {"POST", "/purchase/", buy, "", "", s.shop, 403},
		"form exchanges":                {"POST", "/oauth2/access-token", exchange, "cross-site", "navigate", s.shop, 403},
		"form exchanges, older browser": {"POST", "/oauth2/access-token", exchange, "", "", s.shop, 403},
		"form makes a subscription":     {"POST", "/create-subscription", exchange, "", "", "null", 403},
		"link is followed":              {"GET", "/purchase", nil, "cross-site", "navigate", "", 200},
		"redirect is followed":          {"GET", s.authorize(), nil, "same-site", "navigate", "", 200},
		"address is typed":              {"GET", "/account", nil, "none", "navigate", "", 200},
		"own page's style":              {"GET", "/style.css", nil, "same-origin", "no-cors", "", 200},
		"server reads":                  {"GET", "/balance", nil, "", "", "", 200},
		"server exchanges":              {"POST", "/oauth2/access-token", exchange, "", "", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := b.request(test.method, test.path, test.form)
			r.Header.Set("Authorization", "Bearer "+token)
			for header, value := range map[string]string{
				"Sec-Fetch-Site": test.site, "Sec-Fetch-Mode": test.mode, "Origin": test.origin,
			} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			p := b.do(r)
			require.Equal(t, test.status, p.status, p.body)
			require.Equal(t, "same-origin", p.header.Get("Cross-Origin-Resource-Policy"))
			require.Empty(t, p.header.Get("Access-Control-Allow-Origin"))
			if test.status == http.StatusForbidden {
				require.Contains(t, p.body, "That came from another site")
				require.NotContains(t, p.body, s.app.Secret)
			}
			require.Equal(t, "1000", s.box.Gloebit().Balance("alice"))
		})
	}
}

func TestConditionalAuthorize(t *testing.T) {
	for name, path := range map[string]string{
		"without a slash": "/oauth2/conditional-authorize?", "with a slash": "/oauth2/conditional-authorize/?",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, sandbox.Config{})
			_, query, _ := strings.Cut(s.authorize("access_type", "offline"), "?")
			b := s.browser()
			p := b.get(path + query)
			require.Equal(t, "/sign-in", p.url.Path)
			p = b.post("/sign-in", "name", "alice", "next", b.must(p, `name="next"`, "value"))
			require.Contains(t, p.body, "Connect to Hat Shop?")

			action := b.must(p, `action="/oauth2/conditional-authorize`, "action")
			fields := []string{"user", b.must(p, `name="user"`, "value"), "decision", "approve"}
			foreign := b.request(http.MethodPost, action, fields)
			foreign.Header.Set("Origin", s.shop)
			require.Equal(t, http.StatusForbidden, b.do(foreign).status)
			require.Empty(t, s.called())

			p = b.post(action, fields...)
			require.Equal(t, s.shop+"/gloebit/callback", p.url.Scheme+"://"+p.url.Host+p.url.Path)
			require.NotEmpty(t, s.exchange(s.called()[0].Get("code")))
			require.Equal(t, "s-1", s.called()[0].Get("state"))
		})
	}
}
