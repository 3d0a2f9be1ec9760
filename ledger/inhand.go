package ledger

import (
	"maps"
	"slices"
	"sync"
)

// inHand counts who works on which purchase.
type inHand struct {
	mu  sync.Mutex
	ids map[string]int
}

func (h *inHand) add(id string, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[string]int{}
	}
	if h.ids[id] += n; h.ids[id] == 0 {
		delete(h.ids, id)
	}
}

func (h *inHand) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.ids))
}
