package connect

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// expiring is a map whose entries expire. It needs no goroutine: put sweeps
// whenever the number of entries has doubled, which takes constant time per put
// on average. When the map is full, put sweeps once a second. The zero value is
// ready to use.
type expiring[K comparable, V any] struct {
	mu        sync.RWMutex
	entries   map[K]V
	sweepAt   int
	fullUntil time.Time // no sweep of a full map before this time
}

const (
	minSweep      = 1024
	sweepWhenFull = time.Second
)

func (e *expiring[K, V]) get(key K) (V, bool) {
	e.mu.RLock()
	value, ok := e.entries[key]
	e.mu.RUnlock()
	return value, ok
}

// put stores a value. When a sweep is due, it removes the entries for which
// expired returns true. It returns false and stores no new entry if there are
// already most entries; zero means no limit.
func (e *expiring[K, V]) put(key K, value V, expired func(V) bool, most int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.entries == nil {
		e.entries = make(map[K]V)
	}
	if _, ok := e.entries[key]; !ok && most > 0 && len(e.entries) >= most {
		now := time.Now()
		if now.Before(e.fullUntil) {
			return false
		}
		e.fullUntil = now.Add(sweepWhenFull)
		e.sweep(expired)
		if len(e.entries) >= most {
			return false
		}
	}
	e.entries[key] = value
	if len(e.entries) >= max(e.sweepAt, minSweep) {
		e.sweep(expired)
		e.sweepAt = 2 * len(e.entries)
	}
	return true
}

func (e *expiring[K, V]) sweep(expired func(V) bool) {
	for k, v := range e.entries {
		if expired(v) {
			delete(e.entries, k)
		}
	}
}

func (e *expiring[K, V]) delete(key K) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.entries, key)
}

// len returns the number of entries, including expired ones.
func (e *expiring[K, V]) len() int {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return len(e.entries)
}

// keys returns the keys of all entries, including expired ones.
func (e *expiring[K, V]) keys() []K {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return slices.Collect(maps.Keys(e.entries))
}
