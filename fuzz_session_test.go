package gloebit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// hostileSessions returns what a broken or altered session store may return:
// any string under any key.
type hostileSessions struct {
	values map[string]string // by the last part of the key
	put    []string
}

func (s *hostileSessions) last(key string) string { return key[strings.LastIndex(key, ".")+1:] }

func (s *hostileSessions) GetString(_ context.Context, key string) string {
	return s.values[s.last(key)]
}
func (s *hostileSessions) Put(_ context.Context, key string, value any) {
	text := value.(string) // nothing else is kept
	s.put = append(s.put, text)
	s.values[s.last(key)] = text
}
func (s *hostileSessions) Remove(_ context.Context, key string) { delete(s.values, s.last(key)) }
func (s *hostileSessions) RenewToken(context.Context) error     { return nil }
func (s *hostileSessions) Deadline(context.Context) time.Time   { return time.Now().Add(time.Hour) }

// FuzzSessionValues returns arbitrary strings from the session while one user
// has a pending connection and another has a credential. A client is returned
// only for the user whose ID the session holds, or whose ID the application
// returns. The pending callback completes only with its own binding. Values
// written back are short.
func FuzzSessionValues(f *testing.F) {
	binding, key := strings.Repeat("b", 43), strings.Repeat("k", 43)
	for mode := range byte(3) {
		f.Add(mode, binding, "session:"+binding, "alice", strings.Join([]string{key, key}, " "), "2026-01-02T03:04:05Z")
		f.Add(mode, binding, "victim", "alice", strings.TrimSpace(strings.Repeat(key+" ", 10)), "2999-01-02T03:04:05Z")
		f.Add(mode, binding, "", "", strings.TrimSpace(strings.Repeat(key+" ", 11)), "0000-00-00T00:00:00Z")
		f.Add(mode, binding, "victim", "alice", strings.Repeat("k ", 200), "")
		f.Add(mode, "own", "alice", "alice", key, "")
		f.Add(mode, "", strings.Repeat("u", 256), "\x00\r\nX: y", " "+key+"\x00", "x")
		f.Add(mode, "\xff", "\x00", "<script>", strings.Repeat("x", 5000), strings.Repeat("9", 5000))
	}
	endpoint := &tokens{}
	store := &gloebit.MemoryTokenStore{}
	states := &countedStates{}
	sessions := &hostileSessions{}
	var merchants [3]*gloebit.Merchant
	for mode := range merchants {
		config := validConfig()
		config.HTTPClient = &http.Client{Transport: endpoint}
		config.Sessions, config.Tokens, config.States = sessions, store, states
		switch mode {
		case 1:
			config.User = headerUser
		case 2:
			config.SignIn = true
		}
		merchant, err := gloebit.New(config)
		require.NoError(f, err)
		merchants[mode] = merchant
	}
	require.NoError(
		f, store.Update(f.Context(), keyOf(merchants[0], "victim"), save(connect.Credential{AccessToken: "v"})),
	)

	f.Fuzz(func(t *testing.T, mode byte, binding, user, name, pending, again string) {
		merchant := merchants[mode%3]
		sessions.values = map[string]string{}
		state := started(t, merchant)
		owns := sessions.values["binding"]
		hostile := func() {
			sessions.values = map[string]string{
				"binding": binding, "user": user, "name": name, "pending": pending, "again": again,
			}
			sessions.put, states.takes = nil, 0
		}

		hostile()
		own := binding == "own" // the right one, which no fuzzer finds
		if own {
			sessions.values["binding"] = owns
		}
		before := endpoint.given
		callback := ask(merchant.Handler(), http.MethodGet, "/gloebit/callback?code=c&state="+state)
		if !own {
			require.Contains(t, refusedOrConnectedBefore, callback.Code)
			require.Equal(t, before, endpoint.given, "exchanged for another's binding")
		} else {
			require.NotEqual(t, http.StatusBadRequest, callback.Code)
			require.Greater(t, endpoint.given, before)
		}
		hostile()
		ask(merchant.Handler(), http.MethodGet, "/gloebit/connect")
		require.LessOrEqual(t, states.takes, 1)
		for _, value := range sessions.put {
			require.LessOrEqual(t, len(value), 10*44, "a session that lives in a cookie must not overflow it")
		}

		hostile()
		var served []string
		protected := merchant.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served = append(served, gloebit.MustFromContext(r.Context()).User().ID)
			merchant.HandleError(w, r, gloebit.ErrNotConnected)
		}))
		ask(protected, http.MethodGet, "/")
		ask(protected, http.MethodPost, "/")
		who := user
		if mode%3 == 1 {
			who = "id of ann" // whatever the session says
		}
		for _, id := range served {
			require.Equal(t, who, id)
		}
		ask(merchant.Optional(http.NotFoundHandler()), http.MethodGet, "/")
		require.NoError(t, merchant.SignOut(httptest.NewRequest(http.MethodPost, "/", nil)))
	})
}

// countedStates counts its Takes.
type countedStates struct {
	gloebit.MemoryStateStore
	takes int
}

func (s *countedStates) Take(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	s.takes++
	return s.MemoryStateStore.Take(ctx, key)
}

// ask sends a page load of ann's, without a network.
func ask(handler http.Handler, method, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("X-User", "ann")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder
}

// started returns the state of a new connection.
func started(t *testing.T, merchant *gloebit.Merchant) string {
	to, err := url.Parse(ask(merchant.Handler(), http.MethodGet, "/gloebit/connect").Header().Get("Location"))
	require.NoError(t, err)
	require.NotEmpty(t, to.Query().Get("state"))
	return to.Query().Get("state")
}
