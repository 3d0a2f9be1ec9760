package gloebit

import "time"

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
func (m *Merchant) BoundSessions(most int) { m.ownSessions.Store.(*memorySessions).most = most }

// Sessions returns how many sessions of its own the merchant holds.
func (m *Merchant) Sessions() int {
	store := m.ownSessions.Store.(*memorySessions)
	store.sessions.mu.RLock()
	defer store.sessions.mu.RUnlock()
	return len(store.sessions.entries)
}

// RefreshWithin bounds a refresh with its wait for others.
func (m *Merchant) RefreshWithin(d time.Duration) { m.refreshFor = d }
