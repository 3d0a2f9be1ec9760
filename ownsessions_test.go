package gloebit_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

// approving is a client of a Gloebit where alice approves every request.
func approving() *http.Client { return &http.Client{Transport: approval{}} }

type approval struct{}

func (approval) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := map[string]any{"success": true, "id": "alice", "name": "Alice"}
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		answer = map[string]any{"access_token": canaryToken.Reveal(), "scope": r.PostForm.Get("scope")}
	}
	body, err := json.Marshal(answer)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(body)), Request: r}, err
}

// signIn connects alice, at an approving Gloebit, and returns the cookie of the
// session.
func signIn(t testing.TB, merchant *gloebit.Merchant) *http.Cookie {
	t.Helper()
	load := func(target string, cookies []*http.Cookie) *http.Response {
		recorder, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil)
		for _, cookie := range cookies {
			request.AddCookie(cookie)
		}
		merchant.Handler().ServeHTTP(recorder, request)
		require.Equal(t, http.StatusSeeOther, recorder.Code, recorder.Body)
		return recorder.Result()
	}
	connect := load("/gloebit/connect", nil)
	authorize, err := connect.Location()
	require.NoError(t, err)
	callback := url.Values{"code": {"code"}, "state": {authorize.Query().Get("state")}}
	cookies := load("/gloebit/callback?"+callback.Encode(), connect.Cookies()).Cookies()
	return cookies[len(cookies)-1] // the session's; before it the attempt's is deleted
}

func TestKnownUserRequestWritesNoSession(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*gloebit.Config)
		vary   []string
	}{
		"with Config.User":   {asAlice, nil},
		"with the session's": {func(*gloebit.Config) {}, []string{"Cookie"}},
	} {
		t.Run(name, func(t *testing.T) {
			merchant := benchMerchant(t, c.change)
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.AddCookie(signIn(t, merchant))
			recorder := httptest.NewRecorder()
			merchant.RequireGloebit(merchant.Optional(http.HandlerFunc(greetUser))).ServeHTTP(recorder, request)
			require.Equal(t, "hello", recorder.Body.String())
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
			request.AddCookie(signIn(t, merchant))
			handler, w := merchant.RequireGloebit(http.HandlerFunc(greetUser)), &nowhere{http.Header{}}
			require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
				clear(w.header)
				handler.ServeHTTP(w, request)
			}), c.most)
		})
	}
}

// connecting is a handler that starts a connection, which changes the session,
// and writes its own response.
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

// TestOwnSessionsKeepConnectingInOneProcess checks what two replicas with a
// Config.User share when Config.Sessions is nil: the connected user, but not a
// connection in progress.
func TestOwnSessionsKeepConnectingInOneProcess(t *testing.T) {
	tokens, states := &gloebit.MemoryTokenStore{}, &gloebit.MemoryStateStore{}
	shared := func(c *gloebit.Config) { c.Tokens, c.States = tokens, states }
	one, other := benchMerchant(t, asAlice, shared), benchMerchant(t, asAlice, shared)
	begun := httptest.NewRecorder()
	one.Handler().ServeHTTP(begun, httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil))
	authorize, err := begun.Result().Location()
	require.NoError(t, err)
	callback := url.Values{"code": {"code"}, "state": {authorize.Query().Get("state")}}
	for _, replica := range []struct {
		*gloebit.Merchant
		status int
	}{{other, http.StatusBadRequest}, {one, http.StatusSeeOther}} {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/gloebit/callback?"+callback.Encode(), nil)
		for _, cookie := range begun.Result().Cookies() {
			request.AddCookie(cookie)
		}
		replica.Handler().ServeHTTP(recorder, request)
		require.Equal(t, replica.status, recorder.Code, recorder.Body)
	}
	recorder := httptest.NewRecorder()
	other.RequireGloebit(http.HandlerFunc(greetUser)).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, "hello", recorder.Body.String())
}
