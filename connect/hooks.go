package connect

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/internal/enginetest"
)

// Hooks is for the tests of this module.
func (c *Connector) Hooks() enginetest.Hooks {
	store, _ := c.ownSessions.store()
	return enginetest.Hooks{
		Sessions:      c.ownSessions.manager,
		BoundSessions: func(most int) { store.most = most },
		CountSessions: store.len,
		DumpSessions:  store.dump,
		RefreshWithin: func(d time.Duration) { c.refreshFor = d },
		SignInAs:      c.signInAs,
	}
}

// store returns the sessions in memory.
func (s *ownSessions) store() (*memorySessions, bool) {
	store, ok := s.manager.Store.(*memorySessions)
	return store, ok
}

func (s *memorySessions) len() int {
	return s.sessions.len()
}

func (s *memorySessions) dump() string {
	s.sessions.mu.RLock()
	defer s.sessions.mu.RUnlock()
	var all strings.Builder
	for key, session := range s.sessions.entries {
		fmt.Fprintf(&all, "%s %s\n", key, session.data)
	}
	return all.String()
}

// signInAs returns the cookie of a session whose user has that id.
func (c *Connector) signInAs(userID string) *http.Cookie {
	recorder := headerOnly{}
	c.withSession(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := c.session(r.Context(), c.keys.userID); err == nil {
			c.sessions.Put(r.Context(), c.keys.userID, userID)
		}
	}).ServeHTTP(recorder, &http.Request{Method: http.MethodGet, Header: http.Header{}})
	return (&http.Response{Header: http.Header(recorder)}).Cookies()[0]
}

// headerOnly is a response of which nothing but the header is kept.
type headerOnly http.Header

func (h headerOnly) Header() http.Header         { return http.Header(h) }
func (h headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h headerOnly) WriteHeader(int)             {}
