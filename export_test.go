package gloebit

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
)

// Len returns how many connections the store holds.
func (s *MemoryStateStore) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}

// OrderLen returns how many keys the store remembers the order of.
func (s *MemoryStateStore) OrderLen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.order)
}

// Len returns how many credentials the store holds.
func (s *MemoryTokenStore) Len() int {
	s.credentials.mu.RLock()
	defer s.credentials.mu.RUnlock()
	return len(s.credentials.entries)
}

// Turns returns how many users are locked.
func (s *MemoryTokenStore) Turns() int { return s.turns.Len() }

// RetryWithin makes the merchant's pauses between attempts short.
func (m *Merchant) RetryWithin(d time.Duration) { m.retryDelay = d }

// BoundSessions bounds the merchant's own sessions.
func (m *Merchant) BoundSessions(most int) { m.ownSessions.manager.Store.(*memorySessions).most = most }

// Sessions returns how many sessions of its own the merchant holds.
func (m *Merchant) Sessions() int {
	store := m.ownSessions.manager.Store.(*memorySessions)
	store.sessions.mu.RLock()
	defer store.sessions.mu.RUnlock()
	return len(store.sessions.entries)
}

// LooksOfAFullMap returns how many entries are looked at while a map of at most
// most is filled and as many come later: for each of those one lapses, or none.
func LooksOfAFullMap(most int, lapsing bool) (looks int) {
	var full expiring[int, int]
	for key := range 2 * most {
		full.put(key, key, func(old int) bool { looks++; return lapsing && old == key-most }, most)
	}
	return looks
}

// SessionsAtRest returns the keys and the data of the merchant's own sessions, as
// they are in memory.
func (m *Merchant) SessionsAtRest() string {
	store := m.ownSessions.manager.Store.(*memorySessions)
	store.sessions.mu.RLock()
	defer store.sessions.mu.RUnlock()
	var all strings.Builder
	for key, session := range store.sessions.entries {
		fmt.Fprintf(&all, "%s %s\n", key, session.data)
	}
	return all.String()
}

// RefreshWithin bounds a refresh with its wait for others.
func (m *Merchant) RefreshWithin(d time.Duration) { m.refreshFor = d }

// SessionLoads returns how often a session of the merchant's own was looked for.
// It is for one goroutine.
func (m *Merchant) SessionLoads() int64 {
	counted, ok := m.ownSessions.manager.Store.(*countedSessions)
	if !ok {
		counted = &countedSessions{Store: m.ownSessions.manager.Store}
		m.ownSessions.manager.Store = counted
	}
	return counted.finds
}

type countedSessions struct {
	scs.Store
	finds int64
}

func (s *countedSessions) Find(token string) ([]byte, bool, error) {
	s.finds++
	return s.Store.Find(token)
}

// SignInAs returns the cookie of a session of the merchant's own whose user is
// the one with that id.
func (m *Merchant) SignInAs(userID string) *http.Cookie {
	recorder := httptest.NewRecorder()
	m.withSession(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := m.session(r.Context(), m.keys.userID); err == nil {
			m.sessions.Put(r.Context(), m.keys.userID, userID)
		}
	}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	return recorder.Result().Cookies()[0]
}

// Refresh refreshes the client's token.
func Refresh(ctx context.Context, c *Client) error {
	_, err := c.refresh(ctx, time.Now().Add(time.Minute), c.current())
	return err
}

// Row is a row of the refusals, as tests see it.
type Row struct {
	Refusal
	Means   []error // what the words mean
	Words   []string
	Outcome Outcome
	Charged string // by the calls with the transaction's ID: "", "no" or "yes"
	Again   bool
}

// ConnectingRows returns the refusals of connecting.
func ConnectingRows() []Refusal { return connecting }

// CallRows returns the refusals of calls.
func CallRows() []Row {
	rows := []Row{{Refusal: unknownOutcome}}
	for _, row := range calls {
		means := row.connecting
		if row.Err != nil {
			means = append(means, row.Err)
		}
		charged := map[charge]string{chargeNone: "no", chargeMade: "yes"}[row.charged]
		rows = append(rows, Row{row.Refusal, means, row.words, row.outcome, charged, row.again})
	}
	return rows
}
