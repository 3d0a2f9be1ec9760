package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

const (
	waiters      = 1000
	refreshTakes = 50 * time.Millisecond // a token request over the Internet, including the server's work
)

// refreshPair measures how long it takes until a thousand concurrent calls that
// find the token expired have been sent with a fresh one. The peer is one such
// call. Each side makes one token request. The responses to the calls are in
// neither time.
//
// On an otherwise idle processor, the result is at most the time of the token
// endpoint plus the processor time: the callers' work before they wait overlaps
// with the token request, but is charged as well.
func refreshPair(ctx context.Context) (*Pair, error) {
	crowd, err := newCrowd(ctx, waiters)
	if err != nil {
		return nil, err
	}
	alone, err := newCrowd(ctx, 1)
	if err != nil {
		return nil, err
	}
	return &Pair{Ours: crowd.side(ctx), Peer: alone.side(ctx)}, nil
}

// crowd is a set of concurrent calls for one user, each by a client of its own
// that has read the expired token.
type crowd struct {
	merchant *gloebit.Merchant
	tokens   *gloebit.MemoryTokenStore
	clients  []*gloebit.Client
	asked    atomic.Int64 // token requests
	sent     atomic.Int64 // calls that were sent
	all      chan struct{}
	done     sync.WaitGroup
	errs     []error
}

func newCrowd(ctx context.Context, size int) (c *crowd, err error) {
	c = &crowd{tokens: &gloebit.MemoryTokenStore{}, clients: make([]*gloebit.Client, size), errs: make([]error, size)}
	c.merchant, err = newMerchant(gloebit.Config{
		User: currentUser, Tokens: c.tokens,
		HTTPClient: canned{takes: refreshTakes, token: c.refresh, called: c.call}.client(),
	})
	return c, err
}

func (c *crowd) refresh(url.Values) string {
	c.asked.Add(1)
	return "fresh"
}

// call counts a call that has reached Gloebit. Its response waits for all
// calls.
func (c *crowd) call() {
	if c.sent.Add(1) == int64(len(c.clients)) {
		close(c.all)
	}
	<-c.all
}

func (c *crowd) side(ctx context.Context) Side {
	return Side{
		Single:  true,
		Waits:   refreshTakes,
		Prepare: func(int) error { return c.expire(ctx) },
		Do: func() error {
			for i, client := range c.clients {
				c.done.Go(func() { c.errs[i] = client.VerifyToken(ctx) })
			}
			select {
			case <-c.all:
				return nil
			case <-time.After(patience):
				return fmt.Errorf("%d of %d calls went out", c.sent.Load(), len(c.clients))
			}
		},
		Answer: func() string {
			err := c.wait()
			credential, missing := c.tokens.Load(ctx, keyOf(alice))
			return fmt.Sprint(credential.AccessToken.Reveal(), " after requests for a token: ", c.asked.Load(), err, missing)
		},
	}
}

// wait waits for the responses to all calls.
func (c *crowd) wait() error {
	c.done.Wait()
	return errors.Join(c.errs...)
}

// expire stores an expired token for the user, and creates clients that have
// read it.
func (c *crowd) expire(ctx context.Context) error {
	if err := c.wait(); err != nil {
		return err
	}
	c.all = make(chan struct{})
	c.asked.Store(0)
	c.sent.Store(0)
	stale := connect.Credential{
		AccessToken: "stale", RefreshToken: "refresh", TokenExpiry: time.Now().Add(-time.Hour), Scopes: scopes,
	}
	if err := save(ctx, c.tokens, keyOf(alice), stale); err != nil {
		return err
	}
	for i := range c.clients {
		client, err := c.merchant.Client(ctx, alice)
		if err != nil {
			return err
		}
		c.clients[i] = client
	}
	return nil
}
