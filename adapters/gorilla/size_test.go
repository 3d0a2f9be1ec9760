package gloebitgorilla_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	gloebitgorilla "github.com/go-gloebit/gloebit/adapters/gorilla"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/require"
)

// TestCookieOfALargeSession checks sessions in which the application's own data
// leaves room for few pending connections or none.
func TestCookieOfALargeSession(t *testing.T) {
	for name, test := range map[string]struct{ own, status int }{
		"2 kB": {1800, http.StatusSeeOther},
		"4 kB": {4000, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			store := sessions.NewCookieStore([]byte("an authentication key: 32 bytes."))
			s, err := gloebitgorilla.New(gloebitgorilla.Config{
				Store: store, Name: "shop", Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			require.NoError(t, err)
			merchant, err := gloebit.New(gloebit.Config{
				ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
				Provider: gloebit.Sandbox(), Sessions: s, SignIn: true,
			})
			require.NoError(t, err)
			handler := s.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				session, _ := store.Get(r, "shop")
				session.Values["own"] = strings.Repeat("x", test.own)
				merchant.Handler().ServeHTTP(w, r)
			}))
			kept := map[string]*http.Cookie{}
			for range 15 {
				r := httptest.NewRequest(http.MethodGet, "https://shop.example/gloebit/connect", nil)
				for _, cookie := range kept {
					r.AddCookie(cookie)
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				require.Equal(t, test.status, w.Code, log.String())
				for _, cookie := range w.Result().Cookies() {
					require.LessOrEqual(t, len(cookie.Name)+len(cookie.Value), 4096)
					kept[cookie.Name] = cookie
				}
			}
			if test.status != http.StatusSeeOther {
				require.Contains(t, log.String(), "too large for a cookie")
				require.Regexp(t, `too long: \d+|has \d+ bytes`, log.String())
			}
		})
	}
}
