package connect

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
)

// OrderLen returns how many keys the store remembers the order of.
func (s *MemoryStateStore) OrderLen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.order)
}

// Locks returns how many users are locked.
func (s *MemoryTokenStore) Locks() int { return s.locks.Len() }

// LooksOfAFullMap returns how many entries are examined while a map of most
// entries is filled, and as many more are added. For each of those, one entry
// expires, or none.
func LooksOfAFullMap(most int, someExpire bool) (looks int) {
	var full expiring[int, int]
	for key := range 2 * most {
		full.put(key, key, func(old int) bool { looks++; return someExpire && old == key-most }, most)
	}
	return looks
}

// RefreshWithin limits a refresh, including the wait for other refreshes of the
// user.
func (c *Connector) RefreshWithin(d time.Duration) { c.refreshFor = d }

func (c *Connector) memory() *memorySessions { return c.ownSessions.manager.Store.(*memorySessions) }

// BoundSessions bounds the package's own sessions.
func (c *Connector) BoundSessions(most int) { c.memory().most = most }

// Sessions returns how many sessions the package holds.
func (c *Connector) Sessions() int {
	store := c.memory()
	store.sessions.mu.RLock()
	defer store.sessions.mu.RUnlock()
	return len(store.sessions.entries)
}

// SessionsAtRest returns the keys and the data of the package's own sessions, as
// they are in memory.
func (c *Connector) SessionsAtRest() string {
	store := c.memory()
	store.sessions.mu.RLock()
	defer store.sessions.mu.RUnlock()
	var all strings.Builder
	for key, session := range store.sessions.entries {
		fmt.Fprintf(&all, "%s %s\n", key, session.data)
	}
	return all.String()
}

// SessionLoads counts the session lookups from now on. It is for one goroutine.
func (c *Connector) SessionLoads() *int {
	counted := &countedSessions{Store: c.ownSessions.manager.Store}
	c.ownSessions.manager.Store = counted
	return &counted.finds
}

type countedSessions struct {
	scs.Store
	finds int
}

func (s *countedSessions) Find(token string) ([]byte, bool, error) {
	s.finds++
	return s.Store.Find(token)
}

// SignInAs returns the cookie of a session whose user has that id.
func (c *Connector) SignInAs(userID string) *http.Cookie {
	recorder := headerOnly{}
	c.withSession(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := c.session(r.Context(), c.keys.userID); err == nil {
			c.sessions.Put(r.Context(), c.keys.userID, userID)
		}
	}).ServeHTTP(recorder, &http.Request{Method: http.MethodGet, Header: http.Header{}})
	return (&http.Response{Header: http.Header(recorder)}).Cookies()[0]
}

// headerOnly is a response writer that keeps only the header.
type headerOnly http.Header

func (h headerOnly) Header() http.Header         { return http.Header(h) }
func (h headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h headerOnly) WriteHeader(int)             {}
