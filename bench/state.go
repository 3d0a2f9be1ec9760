package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/hashicorp/cap/oidc"
)

// statePair stores one pending connection and takes it. Both sides create the
// random values, keep the connection in memory until it expires, find it by its
// state, check its expiry, and make sure that it is not found twice. Ours
// stores hashes and binds the state to the browser; the peer has a nonce for
// that.
func statePair(ctx context.Context) (*Pair, error) {
	return &Pair{Ours: ourState(ctx), Peer: theirState(ctx)}, nil
}

// ourState uses a MemoryStateStore as a Merchant does: with a nonce as the
// state, of which the store gets a hash, and a hash of the browser's.
func ourState(ctx context.Context) Side {
	store := &gloebit.MemoryStateStore{}
	binding := newNonce() // already in the browser's session
	var taken connect.PendingConnection
	return Side{
		Do: func() (err error) {
			state := newNonce()
			err = store.Put(ctx, keyOf(hash(state)), connect.PendingConnection{
				ReturnTo: "/hats", BrowserHash: hash(binding), Scopes: scopes, ExpiresAt: time.Now().Add(10 * time.Minute),
			})
			if err != nil {
				return err
			}
			taken, err = store.Take(ctx, keyOf(hash(state)))
			if err == nil && subtle.ConstantTimeCompare([]byte(taken.BrowserHash), []byte(hash(binding))) != 1 {
				err = errors.New("another browser's")
			}
			return err
		},
		Answer: func() string { return taken.ReturnTo },
	}
}

func newNonce() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func hash(nonce string) string {
	sum := sha256.Sum256([]byte(nonce))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// theirState does what the examples of hashicorp/cap do: it keeps an
// oidc.Request in a map with a lock, and deletes it after reading it.
func theirState(context.Context) Side {
	cache := &requestCache{requests: map[string]oidc.Request{}}
	var taken oidc.Request
	return Side{
		Do: func() error {
			request, err := oidc.NewRequest(10*time.Minute, "/hats", oidc.WithScopes("balance", "transact"))
			if err != nil {
				return err
			}
			cache.add(request)
			taken, err = cache.take(request.State())
			return err
		},
		Answer: func() string { return taken.RedirectURL() },
	}
}

type requestCache struct {
	mu       sync.Mutex
	requests map[string]oidc.Request
}

func (c *requestCache) add(request oidc.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[request.State()] = request
}

func (c *requestCache) take(state string) (oidc.Request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	request, ok := c.requests[state]
	delete(c.requests, state)
	if !ok || request.IsExpired() {
		return nil, oidc.ErrNotFound
	}
	return request, nil
}
