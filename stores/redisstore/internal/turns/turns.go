// Package turns lets callers take turns, by name.
package turns

import (
	"context"
	"sync"
)

// Turns is a set of locks with names. A lock exists while somebody holds or
// wants it. The zero value is ready for use.
type Turns struct {
	mu    sync.Mutex
	named map[string]*turn
}

type turn struct {
	free    chan struct{} // holds one value while no goroutine has the turn
	wanting int
}

// Take waits until it holds the turn of that name or ctx ends, and returns what
// gives the turn back. The error is the context's. A context that has ended
// never gets a turn.
func (t *Turns) Take(ctx context.Context, name string) (release func(), err error) {
	if err := ctx.Err(); err != nil { // it must not win the select below
		return nil, err
	}
	wanted := t.want(name)
	select {
	case <-wanted.free:
		return func() { wanted.free <- struct{}{}; t.leave(name, wanted) }, nil
	case <-ctx.Done():
		t.leave(name, wanted)
		return nil, ctx.Err()
	}
}

// Len returns how many turns somebody holds or wants.
func (t *Turns) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.named)
}

func (t *Turns) want(name string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.named == nil {
		t.named = make(map[string]*turn)
	}
	wanted := t.named[name]
	if wanted == nil {
		wanted = &turn{free: make(chan struct{}, 1)}
		wanted.free <- struct{}{}
		t.named[name] = wanted
	}
	wanted.wanting++
	return wanted
}

func (t *Turns) leave(name string, left *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if left.wanting--; left.wanting == 0 {
		delete(t.named, name)
	}
}
