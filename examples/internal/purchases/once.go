package purchases

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// remember is how long Once knows a key: longer than anyone leaves a page open
// before pressing a button twice.
const remember = 24 * time.Hour

// Once lets each key through a single time within a day. It guards what Gloebit
// itself does not: using up a product twice is twice used up. The zero value is
// ready. It is safe for concurrent use.
type Once struct {
	mu   sync.Mutex
	seen map[uuid.UUID]time.Time
}

// First reports whether the key is new, and remembers it.
func (o *Once) First(key uuid.UUID, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen == nil {
		o.seen = make(map[uuid.UUID]time.Time)
	}
	for k, at := range o.seen {
		if now.Sub(at) > remember {
			delete(o.seen, k)
		}
	}
	if _, again := o.seen[key]; again {
		return false
	}
	o.seen[key] = now
	return true
}
