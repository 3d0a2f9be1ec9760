package connect

// OrderLen returns how many keys the store remembers the order of.
func (s *MemoryStateStore) OrderLen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.order)
}

// Turns returns how many users are locked.
func (s *MemoryTokenStore) Turns() int { return s.turns.Len() }

// LooksOfAFullMap returns how many entries are looked at while a map of at most
// most is filled and as many come later: for each of those one lapses, or none.
func LooksOfAFullMap(most int, lapsing bool) (looks int) {
	var full expiring[int, int]
	for key := range 2 * most {
		full.put(key, key, func(old int) bool { looks++; return lapsing && old == key-most }, most)
	}
	return looks
}
