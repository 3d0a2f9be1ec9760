package gloebit_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func TestARequestOfAKnownUserNeedsNoSession(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*gloebit.Config)
		loads  int64
		vary   []string
	}{
		"with Config.User":   {asAlice, 0, nil},
		"with the session's": {func(*gloebit.Config) {}, 1, []string{"Cookie"}},
	} {
		t.Run(name, func(t *testing.T) {
			merchant := benchMerchant(t, c.change)
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.AddCookie(merchant.SignInAs("alice"))
			before := merchant.SessionLoads()
			recorder := httptest.NewRecorder()
			merchant.RequireGloebit(merchant.Optional(http.HandlerFunc(greetUser))).ServeHTTP(recorder, request)
			require.Equal(t, "hello", recorder.Body.String())
			require.Equal(t, c.loads, merchant.SessionLoads()-before)
			require.Equal(t, c.vary, recorder.Header().Values("Vary"))
			require.Empty(t, recorder.Header().Values("Set-Cookie"))
		})
	}
}

func TestARequestMakesFewAllocations(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*gloebit.Config)
		most   float64
	}{
		"with Config.User":   {asAlice, 5},
		"with the session's": {func(*gloebit.Config) {}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			merchant := benchMerchant(t, c.change)
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.AddCookie(merchant.SignInAs("alice"))
			handler, w := merchant.RequireGloebit(http.HandlerFunc(greetUser)), &nowhere{http.Header{}}
			require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
				clear(w.header)
				handler.ServeHTTP(w, request)
			}), c.most)
		})
	}
}

// connecting is a handler of the application's that starts a connection, which
// changes the session, and answers in its own way.
func connecting(m *gloebit.Merchant, answer func(http.ResponseWriter)) http.Handler {
	return m.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := m.AuthorizationURL(r, "/"); err != nil {
			panic(err)
		}
		answer(w)
	}))
}

func TestTheSessionIsSavedBeforeAFlush(t *testing.T) {
	server := httptest.NewServer(connecting(benchMerchant(t), func(w http.ResponseWriter) { w.(http.Flusher).Flush() }))
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Len(t, response.Cookies(), 1)
}

func TestNothingFollowsASessionThatCantBeSaved(t *testing.T) {
	merchant := benchMerchant(t)
	merchant.SignInAs("alice")
	merchant.BoundSessions(1)
	var written error
	recorder := httptest.NewRecorder()
	connecting(merchant, func(w http.ResponseWriter) {
		w.Header().Set("Location", "/elsewhere")
		_, written = io.WriteString(w, "all is well")
	}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Error(t, written)
	require.Equal(t, http.StatusServiceUnavailable, recorder.Code)
	require.Equal(t, "application/problem+json", recorder.Header().Get("Content-Type"))
	require.NotContains(t, recorder.Body.String(), "all is well")
	require.Empty(t, recorder.Header().Get("Location"))
	require.Empty(t, recorder.Result().Cookies())
}
