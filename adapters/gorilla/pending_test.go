package gloebitgorilla_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/require"
)

func TestManyPendingConnectionsFitInCookie(t *testing.T) {
	store := sessions.NewCookieStore(
		[]byte("an authentication key: 32 bytes."), []byte("an AES key of exactly 32 letters"),
	)
	s := newSessions(t, store)
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(), Sessions: s, SignIn: true,
	})
	require.NoError(t, err)
	handler := s.LoadAndSave(merchant.Handler())
	var cookies []*http.Cookie
	for range 25 {
		r := httptest.NewRequest(http.MethodGet, "https://shop.example/gloebit/connect", nil)
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, http.StatusSeeOther, w.Code)
		cookies = w.Result().Cookies()
		require.NotEmpty(t, cookies)
		for _, line := range w.Header().Values("Set-Cookie") {
			require.LessOrEqual(t, len(line), 2048, "half of what a browser keeps")
		}
	}
}
