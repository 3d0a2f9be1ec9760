package gloebitgorilla_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	gloebitgorilla "github.com/go-gloebit/gloebit/adapters/gorilla"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/require"
)

var errDown = errors.New("the database is down")

func newSessions(t *testing.T, store sessions.Store) *gloebitgorilla.Sessions {
	t.Helper()
	s, err := gloebitgorilla.New(gloebitgorilla.Config{Store: store, Name: "shop"})
	require.NoError(t, err)
	return s
}

// serve serves one request with the cookies, inside the sessions.
func serve(s *gloebitgorilla.Sessions, handler http.HandlerFunc, cookies ...*http.Cookie) *http.Response {
	server := httptest.NewServer(s.LoadAndSave(handler))
	defer server.Close()
	request := httptest.NewRequest(http.MethodGet, server.URL, nil)
	request.RequestURI = "" // which clients leave out
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	response, err := server.Client().Transport.RoundTrip(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

func putHat(s *gloebitgorilla.Sessions) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) { s.Put(r.Context(), "hat", "green") }
}

// hat returns what the session of the cookies holds.
func hat(s *gloebitgorilla.Sessions, cookies ...*http.Cookie) (value string) {
	serve(s, func(_ http.ResponseWriter, r *http.Request) { value = s.GetString(r.Context(), "hat") }, cookies...)
	return value
}

func TestSessionIsSavedForEveryKindOfResponse(t *testing.T) {
	s := newSessions(t, cookies())
	for name, answer := range map[string]http.HandlerFunc{
		"with nothing":          func(http.ResponseWriter, *http.Request) {},
		"with a body":           func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "yes") },
		"with the header alone": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"with a flush before anything is written": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"with a flush by http.ResponseController": func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
		},
		"after early hints": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
	} {
		t.Run(name, func(t *testing.T) {
			response := serve(s, func(w http.ResponseWriter, r *http.Request) {
				if name == "after early hints" {
					w.WriteHeader(http.StatusEarlyHints)
				}
				putHat(s)(w, r)
				answer(w, r)
			})
			require.Len(t, response.Cookies(), 1)
			require.Equal(t, "green", hat(s, response.Cookies()...))
			require.Contains(t, response.Header.Values("Cache-Control"), `no-cache="Set-Cookie"`)
			require.Equal(t, []string{"Cookie"}, response.Header.Values("Vary"))
		})
	}
}

func TestUnchangedSessionIsNotSaved(t *testing.T) {
	s := newSessions(t, cookies())
	response := serve(s, func(_ http.ResponseWriter, r *http.Request) {
		require.Empty(t, s.GetString(r.Context(), "hat"))
		s.Remove(r.Context(), "hat")
	})
	require.Empty(t, response.Cookies())
}

func TestRemoveDeletesValue(t *testing.T) {
	s := newSessions(t, cookies())
	cookie := serve(s, putHat(s)).Cookies()
	removed := serve(s, func(_ http.ResponseWriter, r *http.Request) { s.Remove(r.Context(), "hat") }, cookie...).Cookies()
	require.Len(t, removed, 1)
	require.Empty(t, hat(s, removed...))
}

func TestTheApplicationSharesTheSession(t *testing.T) {
	store := cookies()
	s := newSessions(t, store)
	response := serve(s, func(w http.ResponseWriter, r *http.Request) {
		putHat(s)(w, r)
		session, err := store.Get(r, "shop")
		require.NoError(t, err)
		require.Equal(t, "green", session.Values["hat"])
		session.Values["size"] = 58
		require.NoError(t, session.Save(r, w))
	})
	last := response.Cookies()[len(response.Cookies())-1]
	require.Equal(t, "green", hat(s, last))
	serve(s, func(_ http.ResponseWriter, r *http.Request) {
		session, err := store.Get(r, "shop")
		require.NoError(t, err)
		require.Equal(t, 58, session.Values["size"])
	}, last)
}

func TestRenewTokenReplacesSessionID(t *testing.T) {
	for name, store := range map[string]sessions.Store{"files": files(t), "a table": &table{}} {
		t.Run(name, func(t *testing.T) {
			s := newSessions(t, store)
			old := serve(s, putHat(s)).Cookies()
			require.Equal(t, "green", hat(s, old...))
			renewed := serve(
				s, func(_ http.ResponseWriter, r *http.Request) { require.NoError(t, s.RenewToken(r.Context())) }, old...,
			).Cookies()
			require.Len(t, renewed, 1, "and the browser keeps the session")
			require.NotEqual(t, old[0].Value, renewed[0].Value)
			require.Empty(t, hat(s, old...))
			require.Equal(t, "green", hat(s, renewed...))
		})
	}
}

func TestInFlightRequestKeepsSessionEnded(t *testing.T) {
	for name, meanwhile := range map[string]func(*gloebitgorilla.Sessions, []*http.Cookie){
		"with nothing in between": func(*gloebitgorilla.Sessions, []*http.Cookie) {},
		"with the old cookie used again in between": func(s *gloebitgorilla.Sessions, old []*http.Cookie) {
			serve(s, func(_ http.ResponseWriter, r *http.Request) { s.Put(r.Context(), "size", "58") }, old...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSessions(t, files(t))
			old := serve(s, putHat(s)).Cookies()
			response := serve(s, func(w http.ResponseWriter, r *http.Request) {
				serve(s, func(_ http.ResponseWriter, r *http.Request) { // signs out
					s.Remove(r.Context(), "hat")
					require.NoError(t, s.RenewToken(r.Context()))
				}, old...)
				meanwhile(s, old)
				s.Put(r.Context(), "size", "59")
				_, _ = io.WriteString(w, "your receipt")
			}, old...)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, "your receipt", string(body), "the response is still sent")
			require.Empty(t, response.Cookies())
			require.Empty(t, hat(s, old...))
		})
	}
}

func TestRenewTokenRestoresNothingFromEndedSession(t *testing.T) {
	for name, store := range map[string]sessions.Store{"files": files(t), "a table": &table{}} {
		t.Run(name, func(t *testing.T) {
			s := newSessions(t, store)
			old := serve(s, putHat(s)).Cookies()
			response := serve(s, func(_ http.ResponseWriter, r *http.Request) {
				serve(s, func(_ http.ResponseWriter, r *http.Request) { // signs out
					s.Remove(r.Context(), "hat")
					require.NoError(t, s.RenewToken(r.Context()))
				}, old...)
				require.NoError(t, s.RenewToken(r.Context()))
				s.Put(r.Context(), "size", "59")
			}, old...)
			require.Len(t, response.Cookies(), 1)
			require.Empty(t, hat(s, response.Cookies()...))
			require.Empty(t, hat(s, old...))
		})
	}
}

// TestSessionIDSetByApplicationIsKept checks a session that the application
// saves outside LoadAndSave, under an ID that no request cookie has.
func TestSessionIDSetByApplicationIsKept(t *testing.T) {
	for name, store := range map[string]sessions.Store{"files": files(t), "a table": &table{}} {
		t.Run(name, func(t *testing.T) {
			s := newSessions(t, store)
			given := func(handler http.HandlerFunc, cookies ...*http.Cookie) []*http.Cookie {
				r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
				for _, cookie := range cookies {
					r.AddCookie(cookie)
				}
				session, err := store.Get(r, "shop")
				require.NoError(t, err)
				if !session.IsNew {
					session.Options.MaxAge = -1
					require.NoError(t, session.Save(r, httptest.NewRecorder()))
					session.ID, session.Options.MaxAge = "", 3600
					session.IsNew = name == "a table" // or that would not insert it
				}
				session.Values["size"] = "58"
				require.NoError(t, session.Save(r, w))
				id := session.ID
				s.LoadAndSave(handler).ServeHTTP(w, r)
				require.Equal(t, id, session.ID)
				return w.Result().Cookies()[len(w.Result().Cookies())-1:]
			}
			first := given(putHat(s))
			require.Equal(t, "green", hat(s, first...), "of a new session")
			second := given(func(_ http.ResponseWriter, r *http.Request) { s.Put(r.Context(), "hat", "red") }, first...)
			require.Equal(t, "red", hat(s, second...), "of a session that has a new one")
			require.Empty(t, hat(s, first...))
		})
	}
}

func TestReadDoesNotWaitForConcurrentSave(t *testing.T) {
	store := &slow{Store: files(t), saving: make(chan struct{}, 1), goOn: make(chan struct{}, 1)}
	s := newSessions(t, store)
	store.goOn <- struct{}{}
	cookie := serve(s, putHat(s)).Cookies()
	<-store.saving
	saved, read := make(chan struct{}), make(chan string, 1)
	go func() { defer close(saved); serve(s, putHat(s), cookie...) }()
	<-store.saving
	go func() { read <- hat(s, cookie...) }()
	select {
	case got := <-read:
		require.Equal(t, "green", got)
	case <-time.After(10 * time.Second):
		t.Error("it waits")
	}
	store.goOn <- struct{}{}
	<-saved
}

func TestSessionIsNotSavedWhenReloadFails(t *testing.T) {
	store := &faulty{Store: files(t)}
	s := newSessions(t, store)
	cookie := serve(s, putHat(s)).Cookies()
	response := serve(s, func(_ http.ResponseWriter, r *http.Request) {
		s.Put(r.Context(), "hat", "red")
		store.fail(errDown, nil)
	}, cookie...)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	store.fail(nil, nil)
	require.Equal(t, "green", hat(s, cookie...))
}

func TestRenewTokenReturnsStoreError(t *testing.T) {
	store := &faulty{Store: files(t)}
	s := newSessions(t, store)
	cookie := serve(s, putHat(s)).Cookies()
	serve(s, func(_ http.ResponseWriter, r *http.Request) {
		store.fail(nil, errDown)
		require.ErrorIs(t, s.RenewToken(r.Context()), errDown)
		store.fail(nil, nil)
	}, cookie...)
	require.Equal(t, "green", hat(s, cookie...))
}

func TestInvalidCookieStartsNewSession(t *testing.T) {
	folder := t.TempDir()
	filesystem := sessions.NewFilesystemStore(folder, []byte("an authentication key: 32 bytes."))
	for name, c := range map[string]struct {
		store sessions.Store
		spoil func(*http.Cookie)
	}{
		"a forged one":                     {cookies(), func(c *http.Cookie) { c.Value = "x" + c.Value }},
		"one whose session the store lost": {filesystem, func(*http.Cookie) { emptyFolder(t, folder) }},
		"one of an old key":                {cookies(), func(c *http.Cookie) { c.Value = foreign(t) }},
		"an invalid value":                 {cookies(), func(c *http.Cookie) { c.Value = "!" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSessions(t, c.store)
			cookie := serve(s, putHat(s)).Cookies()[0]
			require.Equal(t, "green", hat(s, cookie))
			c.spoil(cookie)
			response := serve(s, func(_ http.ResponseWriter, r *http.Request) {
				require.Empty(t, s.GetString(r.Context(), "hat"))
				s.Put(r.Context(), "hat", "green")
			}, cookie)
			require.Equal(t, http.StatusOK, response.StatusCode)
			require.Equal(t, "green", hat(s, response.Cookies()...))
		})
	}
}

func emptyFolder(t *testing.T, folder string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, file := range all {
		require.NoError(t, os.Remove(file))
	}
}

// foreign is a cookie under another key.
func foreign(t *testing.T) string {
	s := newSessions(t, sessions.NewCookieStore([]byte("another authentication key......")))
	return serve(s, putHat(s)).Cookies()[0].Value
}

func TestStoreErrorReplacesResponse(t *testing.T) {
	for name, c := range map[string]struct {
		load, save error
	}{
		"to load": {load: errDown},
		"to save": {save: errDown},
	} {
		t.Run(name, func(t *testing.T) {
			store := &faulty{Store: cookies()}
			store.fail(c.load, c.save)
			ran := false
			s := newSessions(t, store)
			response := serve(s, func(w http.ResponseWriter, r *http.Request) {
				ran = true
				putHat(s)(w, r)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(http.StatusSeeOther)
				_, err := io.WriteString(w, "a secret page")
				require.Error(t, err)
				require.Error(t, http.NewResponseController(w).Flush())
			})
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
			require.Equal(t, "Service Unavailable\n", string(body))
			require.Empty(t, response.Header.Get("Location"))
			require.Empty(t, response.Cookies())
			require.Equal(t, c.load == nil, ran)
		})
	}
}

func TestTheErrorHandlerGetsAStoreError(t *testing.T) {
	store := &faulty{Store: cookies()}
	store.fail(errDown, nil)
	s, err := gloebitgorilla.New(gloebitgorilla.Config{Store: store,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			require.ErrorIs(t, err, gloebit.ErrStore)
			require.ErrorIs(t, err, errDown)
			w.WriteHeader(http.StatusTeapot)
		}})
	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, serve(s, nil).StatusCode)
}

func TestStoreReturningNoSessionReturns503(t *testing.T) {
	require.Equal(t, http.StatusServiceUnavailable, serve(newSessions(t, empty{}), nil).StatusCode)
}

// empty is a store that returns a nil session, which gorilla forbids.
type empty struct{ sessions.Store }

func (empty) Get(*http.Request, string) (*sessions.Session, error) { return nil, nil }

func TestNestedLoadAndSaveSavesOnce(t *testing.T) {
	s := newSessions(t, cookies())
	inner := s.LoadAndSave(putHat(s))
	response := serve(s, inner.ServeHTTP)
	require.Len(t, response.Cookies(), 1)
	require.Equal(t, []string{"Cookie"}, response.Header.Values("Vary"))
}

func TestMissingLoadAndSaveReturnsErrNoSession(t *testing.T) {
	var cause error
	m, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox(),
		RedirectURL: "https://shop.example/gloebit/callback",
		Sessions:    newSessions(t, cookies()), SignIn: true,
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { cause = err },
	})
	require.NoError(t, err)
	m.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil))
	require.ErrorIs(t, cause, gloebit.ErrNoSession)
	require.Panics(t, func() { newSessions(t, cookies()).GetString(context.Background(), "hat") })
}

func TestDeadlineFollowsCookieAgeOrLifetime(t *testing.T) {
	now := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	forever := cookies()
	forever.Options.MaxAge = 0
	for name, c := range map[string]struct {
		store    sessions.Store
		lifetime time.Duration
		want     time.Duration
	}{
		"a cookie for an hour":      {cookies(), 0, time.Hour},
		"a cookie without an age":   {forever, 0, 24 * time.Hour},
		"the same, with a lifetime": {forever, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := gloebitgorilla.New(gloebitgorilla.Config{
				Store: c.store, Lifetime: c.lifetime, Clock: func() time.Time { return now },
			})
			require.NoError(t, err)
			serve(s, func(_ http.ResponseWriter, r *http.Request) {
				require.Equal(t, now.Add(c.want), s.Deadline(r.Context()))
			})
		})
	}
}

func TestNewNamesInvalidFields(t *testing.T) {
	_, err := gloebitgorilla.New(gloebitgorilla.Config{})
	require.ErrorContains(t, err, "Config.Store")
	_, err = gloebitgorilla.New(gloebitgorilla.Config{Store: cookies(), Lifetime: -1})
	require.ErrorContains(t, err, "Config.Lifetime")
}
