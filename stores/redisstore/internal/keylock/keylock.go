// Package keylock provides locks named by keys.
package keylock

import (
	"context"
	"sync"
)

// Locks is a set of locks, one for each key that is locked or waited for. The
// zero value is ready to use.
type Locks struct {
	mu    sync.Mutex
	byKey map[string]*lock
}

type lock struct {
	free chan struct{} // holds one value while the lock is free
	uses int           // goroutines that have the lock or wait for it
}

// Lock waits until it has the key's lock or ctx ends. It returns a function
// that unlocks, or the context's error. It never locks if ctx has already
// ended.
func (l *Locks) Lock(ctx context.Context, key string) (unlock func(), err error) {
	if err := ctx.Err(); err != nil { // otherwise the select below might choose the lock
		return nil, err
	}
	wanted := l.acquire(key)
	select {
	case <-wanted.free:
		return func() { wanted.free <- struct{}{}; l.release(key, wanted) }, nil
	case <-ctx.Done():
		l.release(key, wanted)
		return nil, ctx.Err()
	}
}

// Len returns how many keys are locked or waited for.
func (l *Locks) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byKey)
}

// acquire counts a use of the key's lock.
func (l *Locks) acquire(key string) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byKey == nil {
		l.byKey = make(map[string]*lock)
	}
	wanted := l.byKey[key]
	if wanted == nil {
		wanted = &lock{free: make(chan struct{}, 1)}
		wanted.free <- struct{}{}
		l.byKey[key] = wanted
	}
	wanted.uses++
	return wanted
}

// release ends a use. The last one removes the lock.
func (l *Locks) release(key string, used *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if used.uses--; used.uses == 0 {
		delete(l.byKey, key)
	}
}
