package ledger

import (
	"maps"
	"slices"
	"sync"
)

// maxKept is how many callbacks are kept in memory, about a megabyte.
const maxKept = 10_000

// keptCallbacks are consumes and cancels that could not be saved. They are kept
// because Gloebit ignores the response, so it may never send them again.
type keptCallbacks struct {
	mu     sync.Mutex
	places map[callback]int // in the queue
	last   int
	saving sync.Mutex // held by the goroutine that saves them
}

// keep adds a callback. It reports whether there was room, or it was already
// kept.
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

// remove removes a callback that has been saved.
func (k *keptCallbacks) remove(c callback) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.places, c)
}

// toTheEnd moves a callback to the end of the queue, so that a purchase that
// can't be changed for long, for example because its Reserve hangs, does not
// block others.
func (k *keptCallbacks) toTheEnd(c callback) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.places[c]; known {
		k.last++
		k.places[c] = k.last
	}
}
