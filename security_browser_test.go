package gloebit_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestSecurity19CookieIsHostAndHTTPOnly(t *testing.T) {
	config := validConfig()
	for redirect, want := range map[string]http.Cookie{
		"https://shop.example/gloebit/callback": {
			Name: "__Host-gloebit-", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, Path: "/",
		},
		"http://localhost:8080/gloebit/callback": {
			Name: "gloebit-", HttpOnly: true, SameSite: http.SameSiteLaxMode, Path: "/",
		},
	} {
		config.RedirectURL = redirect
		merchant, err := gloebit.New(config)
		require.NoError(t, err)
		recorder := httptest.NewRecorder()
		merchant.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil))
		cookies := recorder.Result().Cookies()
		require.Len(t, cookies, 2, "the attempt's and the session's")
		for _, cookie := range cookies {
			id, ok := strings.CutPrefix(cookie.Name, want.Name)
			require.True(t, ok, cookie.Name)
			require.GreaterOrEqual(t, len(id), 12, "another merchant's cookie has another name")
			got := http.Cookie{
				Name: want.Name, Secure: cookie.Secure, HttpOnly: cookie.HttpOnly, SameSite: cookie.SameSite, Path: cookie.Path,
			}
			require.Equal(t, want, got)
			require.Empty(t, cookie.Domain)
		}
	}
}

func TestSecurity19CookieIsSentOverHTTPSOnly(t *testing.T) {
	const site = "https://example.com" // to which a test server's client has the way, and which is no loopback address
	config := validConfig()
	config.RedirectURL = site + "/gloebit/callback"
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	shop := httptest.NewTLSServer(merchant.Handler())
	t.Cleanup(shop.Close)
	jar, client := testkit.NewJar(t), shop.Client()
	client.Jar, client.CheckRedirect = jar, testkit.Stay
	resp, err := client.Get(site + "/gloebit/connect")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	for scheme, cookies := range map[string]int{"https": 2, "http": 0} {
		require.Len(t, jar.Cookies(&url.URL{Scheme: scheme, Host: "example.com", Path: "/"}), cookies, scheme)
		require.Empty(t, jar.Cookies(&url.URL{Scheme: scheme, Host: "www.example.com", Path: "/"}), "nor does another host")
	}
}

func TestSecurity19CookiesAreSmallAndLax(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			seen := 0
			for _, p := range w.browser("ann").trail("/gloebit/connect?return_to=/private%3F" + strings.Repeat("x", 2000)) {
				for _, line := range p.header.Values("Set-Cookie") {
					seen++
					cookie, err := http.ParseSetCookie(line)
					require.NoError(t, err)
					require.LessOrEqual(t, len(line), 4096)
					require.True(t, cookie.HttpOnly)
					require.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
					require.Empty(t, cookie.Domain)
				}
			}
			require.NotZero(t, seen)
		})
	}
}

func TestSecurity20TokensDoNotReachTheBrowser(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorldAt(t, gloebittest.Config{RefreshTokens: true}, mode.change)
			b := w.browser("ann")
			pages := b.trail("/private?x=1")
			pages = append(pages, b.trail("/optional")...)
			verifier := w.states.lastPending.Secret.Reveal()
			pages = append(pages, b.trail("/gloebit/callback?state=x&code=y")...)
			_, credential := w.stored()
			pages = append(pages, b.do(http.MethodPost, "/gloebit/disconnect", nil, nil))
			seen := &strings.Builder{}
			for _, p := range pages {
				seen.WriteString(p.url.String() + "\n")
				require.NoError(t, p.header.Write(seen))
				seen.WriteString(p.body + "\n")
				for _, line := range p.header.Values("Set-Cookie") {
					cookie, err := http.ParseSetCookie(line)
					require.NoError(t, err)
					for _, readable := range []*base64.Encoding{
						base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
					} {
						if plain, err := readable.DecodeString(cookie.Value); err == nil {
							seen.Write(plain)
						}
					}
				}
			}
			require.Contains(t, seen.String(), "has 1000")
			for name, secret := range map[string]string{
				"access token": credential.AccessToken.Reveal(), "refresh token": credential.RefreshToken.Reveal(),
				"client secret": w.app.Secret, "verifier": verifier,
			} {
				require.NotEmpty(t, secret, name)
				require.NotContains(t, seen.String(), secret, name)
			}
			for _, r := range w.gloebit.Requests() {
				require.NotContains(t, r.RawQuery+r.Path, credential.AccessToken.Reveal())
				require.NotContains(t, r.RawQuery+r.Path, credential.RefreshToken.Reveal())
			}
		})
	}
}

func TestSecurity20TokenIsSentInHeaderOnly(t *testing.T) {
	for path, call := range calls {
		t.Run(path, func(t *testing.T) {
			client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Authorization"); got != "Bearer "+canaryToken.Reveal() {
					t.Errorf("Authorization: %q", got)
				}
				body, _ := io.ReadAll(r.Body)
				if strings.Contains(r.URL.String()+string(body), canaryToken.Reveal()) {
					t.Error("the token is in the URL or the body")
				}
				_, _ = io.WriteString(w, `{"success":true,"id":"1","balance":1,"products":{},"count":1}`)
			})
			if err := call(t.Context(), client); err != nil {
				require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown, "transact gets another's id")
			}
		})
	}
}

// outside is an address in a page that a browser fetches or follows to another
// site.
var outside = regexp.MustCompile(
	`(?i)<(script|img|link|iframe|object|embed)|@import|url\(|(src|href|action)="(//|[a-z]+:)`,
)

func TestSecurity21CallbackHasNoCacheOrReferrer(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	b.follow = false
	good := b.callback("/gloebit/connect?return_to=/private").String()
	answers := map[string]page{
		"good":   b.get(good),
		"again":  b.get(good),
		"denied": b.get(b.callback("/gloebit/connect").String() + "&error=access_denied"),
		"broken": b.get(
			b.callback("/gloebit/connect").String() + "&error=server_error&error_description=https://evil.example/",
		),
		"empty":  b.get("/gloebit/callback"),
		"posted": b.do(http.MethodPost, good, nil, nil),
	}
	for name, p := range answers {
		require.Equal(t, "no-store", p.header.Get("Cache-Control"), name)
		require.Equal(t, "no-referrer", p.header.Get("Referrer-Policy"), name)
		if name == "good" || name == "again" {
			require.Equal(t, map[string]int{"good": http.StatusSeeOther, "again": http.StatusFound}[name], p.status)
			require.Equal(t, "/private", p.header.Get("Location"))
			require.Empty(t, p.body, "there is nothing to see before the redirect")
			continue
		}
		require.GreaterOrEqual(t, p.status, 400, name)
		require.Contains(t, p.header.Get("Content-Security-Policy"), "default-src 'none'", name)
		require.Contains(t, p.header.Get("Content-Security-Policy"), "frame-ancestors 'none'", name)
		require.Contains(t, p.body, "<h1>", name)
		require.NotRegexp(t, outside, p.body, name)
	}
}
