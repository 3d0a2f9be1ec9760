package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
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
	wrong    atomic.Int64    // answers that no callback here should get
	faults   atomic.Int64    // callbacks, and requests to Gloebit, that met one

	mu       sync.Mutex
	random   *rand.Rand
	calm     bool            // no faults any more
	seen     map[string]bool // paths that were called before
	canceled map[string]bool // ids of purchases of which the shop knows that they are off
}

func newCourier(random *rand.Rand, faulty bool) *courier {
	return &courier{random: random, faulty: faulty, seen: map[string]bool{}, canceled: map[string]bool{}}
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

// repeat makes the same callback once more, whose answer nobody hears.
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
	off := c.isCanceled(r)
	response, err := c.wire.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	if !c.right(r, off, response.StatusCode, strings.TrimSpace(string(body))) {
		c.wrong.Add(1)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

func (c *courier) isCanceled(r *http.Request) bool {
	id, _ := parts(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.canceled[id]
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
