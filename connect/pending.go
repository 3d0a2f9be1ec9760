package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// mostPending is how many connections one session has under way: the ones it
// started last. So many tabs nobody fills in.
const mostPending = 10

// keep puts a pending connection into the store, and its key into the session's
// list. When the session has mostPending already, the oldest is void from now on.
//
// Two requests of one session at the same moment may each save a list without
// the other's key. What is missing there still completes, and leaves the store
// when it expires.
func (c *Connector) keep(ctx context.Context, key string, pending PendingConnection) error {
	keys, err := c.pendingKeys(ctx)
	if err != nil {
		return err
	}
	for len(keys) >= mostPending {
		if _, err := c.states.Take(ctx, keys[0]); err != nil && !errors.Is(err, ErrNotFound) {
			return storeError("drop the oldest state", err)
		}
		keys = keys[1:]
	}
	if err := c.states.Put(ctx, key, pending); err != nil {
		return storeError("put the state", err)
	}
	c.sessions.Put(ctx, c.keys.pending, strings.Join(append(keys, key), " "))
	if c.ownSessions != nil && c.ownSessions.GetString(ctx, c.keys.userID) == "" { // somebody's ends with its day
		c.ownSessions.prolong(ctx, c.connectFor) // a later attempt has its whole time too
	}
	return nil
}

// strike takes the key of a state that was redeemed off the session's list.
func (c *Connector) strike(ctx context.Context, key string) error {
	keys, err := c.pendingKeys(ctx)
	if err != nil {
		return err
	}
	if i := slices.Index(keys, key); i >= 0 {
		c.sessions.Put(ctx, c.keys.pending, strings.Join(slices.Delete(keys, i, i+1), " "))
	}
	return nil
}

// pendingKeys reads the session's list, oldest first. A list that this package
// can't have written is none.
func (c *Connector) pendingKeys(ctx context.Context) ([]string, error) {
	list, err := c.session(ctx, c.keys.pending)
	if err != nil || len(list) > mostPending*(nonceLength+1) {
		return nil, err
	}
	keys := strings.Fields(list)
	if slices.ContainsFunc(keys, func(key string) bool { return len(key) != nonceLength }) {
		return nil, nil
	}
	return keys, nil
}

// stateKey is the key of a state: another connector's states are not found.
func (c *Connector) stateKey(state string) string { return hash(c.id, " ", state) }

// takePending redeems the state that has this key, once. Its error is an
// ErrState, or an ErrStore when the store failed.
func (c *Connector) takePending(ctx context.Context, key string) (PendingConnection, error) {
	pending, err := c.states.Take(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return PendingConnection{}, fmt.Errorf("%w: unknown, used before or expired", ErrState)
	}
	if err != nil {
		return PendingConnection{}, storeError("take the state", err)
	}
	return pending, nil
}
