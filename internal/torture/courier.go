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

// courier carries Gloebit's callbacks to wherever the shop is now, and loses,
// delays and repeats some on the way.
type courier struct {
	wire     http.RoundTripper
	faulty   bool            // whether callbacks get lost, late and repeated
	rollBack func(id string) // as Gloebit may for reasons of its own; nil never does
	late     sync.WaitGroup  // what is repeated later
	wrong    complaints      // answers that no callback here should get
	faults   atomic.Int64    // callbacks, and requests to Gloebit, that met one

	mu       sync.Mutex
	random   *rand.Rand
	calm     bool            // no faults any more
	seen     map[string]bool // paths that were called before
	canceled map[string]bool // ids of purchases of which the shop knows that they are off
	kept     map[string]bool // ids of those of which a process knows more than the store
	killing  int             // how often a kill was allowed or done; odd while processes may be killed
}

func newCourier(random *rand.Rand, faulty bool) *courier {
	return &courier{
		random: random, faulty: faulty, seen: map[string]bool{}, canceled: map[string]bool{}, kept: map[string]bool{},
	}
}

// parts are the id of a callback's purchase, and its step.
func parts(r *http.Request) (id, step string) {
	id, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, holdPath), "/")
	step, _, _ = strings.Cut(rest, "/")
	return id, step
}

// trip is what becomes of one callback.
type trip struct {
	lostThere, lostBack bool
	delay               time.Duration
	twice               bool
	again               time.Duration // when it comes once more; zero is never
	rollBack            bool
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
	// Gloebit calls enact before it has answered transact. Half of them get
	// lost, and so come after.
	first := !c.seen[path]
	c.seen[path] = true
	if first && strings.Contains(path, "/enact/") && c.random.IntN(2) == 0 {
		t.lostThere = true
		return t
	}
	t.lostThere = c.random.IntN(20) == 0
	t.lostBack = c.random.IntN(20) == 0
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

// upTo is a time of chance. The caller holds c.mu.
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
	if t.lostThere {
		return nil, errLost
	}
	sleep(r.Context(), t.delay)
	if t.twice {
		c.repeat(r, 0)
	}
	if t.again > 0 {
		c.repeat(r, t.again)
	}
	response, err := c.carry(r)
	if err == nil && t.lostBack {
		return nil, errLost
	}
	return response, err
}

// repeat makes the same callback once more, whose answer is lost.
func (c *courier) repeat(r *http.Request, after time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), after+10*time.Second)
	r = r.Clone(ctx)
	c.late.Go(func() {
		defer cancel()
		sleep(ctx, after)
		_, _ = c.carry(r)
	})
}

// carry makes the callback and looks at its answer.
func (c *courier) carry(r *http.Request) (*http.Response, error) {
	off, killing := c.before(r)
	response, err := c.wire.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	if text := strings.TrimSpace(string(body)); !c.right(r, off, response.StatusCode, text) {
		id, step := parts(r)
		c.wrong.add("%s of %s: status %d: %s", step, id, response.StatusCode, text)
	}
	if response.StatusCode == http.StatusServiceUnavailable && !c.keeps(r, killing) {
		return nil, errLost
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// before is what is known before a callback is made: whether the shop has heard
// of the purchase's end, and the count of kills.
func (c *courier) before(r *http.Request) (off bool, killing int) {
	id, _ := parts(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.canceled[id], c.killing
}

// keeps notes that a process has a consume or a cancel in its memory alone,
// which Gloebit won't repeat since it was answered. The answer of a process that
// may be killed, or may have been killed since, is lost with it, so that Gloebit
// hears none.
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

// mayKill reports whether no process knows more than the store. saved tells
// whether the store knows of the end of a purchase.
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

// killed ends what mayKill has allowed.
func (c *courier) killed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killing++
}

// right reports whether an answer may be given. off says that the shop had heard
// of the end of the purchase before it was asked.
func (c *courier) right(r *http.Request, off bool, status int, body string) bool {
	id, step := parts(r)
	yes := status == http.StatusOK && body == "[true]"
	if yes && step == "cancel" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.canceled[id] = true
	}
	if yes && step == "enact" && off {
		return false
	}
	// Gloebit here makes no callback out of turn, and all that it makes are
	// signed. So they are answered, or asked for again.
	return status == http.StatusOK || status == http.StatusServiceUnavailable
}

// sleep waits, but not after the context has ended.
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
