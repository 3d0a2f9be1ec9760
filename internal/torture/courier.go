package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var errLost = errors.New("lost on the way")

// courier sends Gloebit's callbacks to the shop's current address. It loses,
// delays and repeats some of them.
type courier struct {
	wire     http.RoundTripper
	faulty   bool            // callbacks are lost, delayed and repeated
	rollBack func(id string) // makes Gloebit roll a purchase back; if nil, it rolls none back
	late     sync.WaitGroup  // pending repetitions
	wrong    complaints      // responses that a callback must not get
	faults   atomic.Int64    // callbacks, and requests to Gloebit, that had a fault

	mu       sync.Mutex
	random   *rand.Rand
	calm     bool            // no more faults
	seen     map[string]bool // paths that were called
	canceled map[string]bool // purchases whose cancel the shop has confirmed
	kept     map[string]bool // purchases with a callback that is only in a process's memory
	killing  int             // incremented before and after a kill; odd while processes may be killed
}

func newCourier(random *rand.Rand, faulty bool) *courier {
	return &courier{
		random: random, faulty: faulty, seen: map[string]bool{}, canceled: map[string]bool{}, kept: map[string]bool{},
	}
}

// parts returns the purchase ID and the step of a callback.
func parts(r *http.Request) (id, step string) {
	id, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, holdPath), "/")
	step, _, _ = strings.Cut(rest, "/")
	return id, step
}

// trip holds the faults of one callback.
type trip struct {
	loseRequest  bool
	loseResponse bool
	delay        time.Duration
	twice        bool          // repeated concurrently
	again        time.Duration // repeated after this delay, unless zero
	rollBack     bool
}

func (c *courier) plan(path string) (t trip) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calm {
		return t
	}
	if c.rollBack != nil && strings.Contains(path, "/enact/") && c.random.IntN(50) == 0 {
		t.rollBack = true
	}
	if !c.faulty {
		return t
	}
	// Gloebit calls enact before it responds to transact. Losing the first call
	// for half of the purchases makes enact arrive after that response.
	first := !c.seen[path]
	c.seen[path] = true
	if first && strings.Contains(path, "/enact/") && c.random.IntN(2) == 0 {
		t.loseRequest = true
		return t
	}
	t.loseRequest = c.random.IntN(20) == 0
	t.loseResponse = c.random.IntN(20) == 0
	t.twice = c.random.IntN(10) == 0
	if c.random.IntN(10) == 0 {
		t.delay = c.upTo(100 * time.Millisecond)
	}
	if c.random.IntN(200) == 0 {
		t.delay = c.upTo(2 * time.Second)
	}
	if c.random.IntN(10) == 0 {
		t.again = c.upTo(3 * time.Second)
	}
	return t
}

// upTo returns a random duration of at most d. The caller must hold c.mu.
func (c *courier) upTo(d time.Duration) time.Duration {
	return 1 + time.Duration(c.random.Int64N(int64(d)))
}

// calmDown ends all faults.
func (c *courier) calmDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calm = true
}

// RoundTrip implements [http.RoundTripper].
func (c *courier) RoundTrip(r *http.Request) (*http.Response, error) {
	t := c.plan(r.URL.Path)
	if t != (trip{}) {
		c.faults.Add(1)
	}
	if t.rollBack {
		id, _ := parts(r)
		c.rollBack(id)
	}
	if t.loseRequest {
		return nil, errLost
	}
	sleep(r.Context(), t.delay)
	if t.twice {
		c.repeat(r, 0)
	}
	if t.again > 0 {
		c.repeat(r, t.again)
	}
	response, err := c.forward(r)
	if err == nil && t.loseResponse {
		return nil, errLost
	}
	return response, err
}

// repeat makes the callback once more and discards the response.
func (c *courier) repeat(r *http.Request, after time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), after+10*time.Second)
	r = r.Clone(ctx)
	c.late.Go(func() {
		defer cancel()
		sleep(ctx, after)
		_, _ = c.forward(r)
	})
}

// forward makes the callback and checks the response.
func (c *courier) forward(r *http.Request) (*http.Response, error) {
	canceled, killing := c.before(r)
	response, err := c.wire.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	if text := strings.TrimSpace(string(body)); !c.right(r, canceled, response.StatusCode, text) {
		id, step := parts(r)
		c.wrong.add("%s of %s: status %d: %s", step, id, response.StatusCode, text)
	}
	if response.StatusCode == http.StatusServiceUnavailable && !c.keeps(r, killing) {
		return nil, errLost
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// before returns the state before a callback is made: whether the shop has
// confirmed a cancel of the purchase, and c.killing.
func (c *courier) before(r *http.Request) (canceled bool, killing int) {
	id, _ := parts(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.canceled[id], c.killing
}

// keeps is called when a callback was answered with 503. It records a consume
// or cancel, which the process holds only in memory and Gloebit does not repeat
// after a response. If that process may be killed now, or may have been killed
// since the callback was made, keeps returns false. The caller must then drop
// the response, so that Gloebit repeats the callback.
func (c *courier) keeps(r *http.Request, killing int) bool {
	id, step := parts(r)
	if step == "enact" {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killing != killing || killing%2 == 1 {
		return false
	}
	c.kept[id] = true
	return true
}

// mayKill reports whether processes may be killed: no callback is only in the
// memory of a process. saved reports whether the store has the end of a
// purchase. If mayKill returns true, call killed after the kill.
func (c *courier) mayKill(saved func(id string) bool) bool {
	c.mu.Lock()
	ids := slices.Collect(maps.Keys(c.kept))
	c.mu.Unlock()
	for _, id := range ids {
		if saved(id) {
			c.mu.Lock()
			delete(c.kept, id)
			c.mu.Unlock()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) > 0 {
		return false
	}
	c.killing++
	return true
}

// killed ends the time in which mayKill has allowed kills.
func (c *courier) killed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killing++
}

// right reports whether the response is allowed. canceled is true if the shop
// had confirmed a cancel of the purchase before this callback was made.
func (c *courier) right(r *http.Request, canceled bool, status int, body string) bool {
	id, step := parts(r)
	yes := status == http.StatusOK && body == "[true]"
	if yes && step == "cancel" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.canceled[id] = true
	}
	if yes && step == "enact" && canceled {
		return false
	}
	// This Gloebit signs every callback and makes none that the shop may reject.
	// So the status is 200, or 503 to get the callback again.
	return status == http.StatusOK || status == http.StatusServiceUnavailable
}

// sleep waits for d or until the context ends.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
