package ledger

import (
	"maps"
	"slices"
	"sync"
)

// mostUnsaved bounds what is kept in memory, about a megabyte.
const mostUnsaved = 10_000

// unsaved are the consumes and cancels that the store could not take. Gloebit
// ignores how it is answered, so it may never repeat them, and then this is the
// only place that knows of them.
type unsaved struct {
	mu     sync.Mutex
	places map[notice]int // in the line of those that wait
	last   int
	asking sync.Mutex // held by the one callback that saves them
}

// keep reports whether there was room. What is there already takes none.
func (u *unsaved) keep(n notice) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.places[n]; known {
		return true
	}
	if len(u.places) >= mostUnsaved {
		return false
	}
	if u.places == nil {
		u.places = map[notice]int{}
	}
	u.last++
	u.places[n] = u.last
	return true
}

// all are those that wait, in line.
func (u *unsaved) all() []notice {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.SortedFunc(maps.Keys(u.places), func(a, b notice) int { return u.places[a] - u.places[b] })
}

// forget is for what has been saved, and only for that.
func (u *unsaved) forget(n notice) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.places, n)
}

// toTheEnd lets the others go first, so that a purchase which can't be changed
// for long, such as one whose Reserve hangs, does not keep them waiting.
func (u *unsaved) toTheEnd(n notice) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.places[n]; known {
		u.last++
		u.places[n] = u.last
	}
}
