package ledger

import (
	"maps"
	"slices"
	"sync"
)

// maxKept is how many callbacks are kept in memory, about a megabyte.
const maxKept = 10_000

// keptCallbacks are the consumes and cancels that could not be saved. Gloebit
// ignores the response, so it may never repeat them.
type keptCallbacks struct {
	mu     sync.Mutex
	places map[callback]int // in the queue
	last   int
	saving sync.Mutex // held by the one callback that saves them
}

// keep reports whether there was room. A callback that is kept already needs
// none.
func (k *keptCallbacks) keep(c callback) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.places[c]; known {
		return true
	}
	if len(k.places) >= maxKept {
		return false
	}
	if k.places == nil {
		k.places = map[callback]int{}
	}
	k.last++
	k.places[c] = k.last
	return true
}

// all returns the queue.
func (k *keptCallbacks) all() []callback {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.SortedFunc(maps.Keys(k.places), func(a, b callback) int { return k.places[a] - k.places[b] })
}

// remove is for a callback that has been saved, and only for that.
func (k *keptCallbacks) remove(c callback) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.places, c)
}

// toTheEnd moves a callback to the end of the queue, so that a purchase that
// can't be changed for long, such as one whose Reserve hangs, does not block
// the others.
func (k *keptCallbacks) toTheEnd(c callback) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.places[c]; known {
		k.last++
		k.places[c] = k.last
	}
}
