package ledger

import (
	"maps"
	"slices"
	"sync"
)

// inProgress counts the goroutines that work on each purchase.
type inProgress struct {
	mu  sync.Mutex
	ids map[string]int
}

func (h *inProgress) add(id string, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[string]int{}
	}
	if h.ids[id] += n; h.ids[id] == 0 {
		delete(h.ids, id)
	}
}

func (h *inProgress) has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ids[id] > 0
}

func (h *inProgress) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.ids))
}
