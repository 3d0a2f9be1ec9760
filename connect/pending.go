package connect

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// maxPending is how many pending connections one session can have: the ones it
// started last. It is more than the tabs in which a user connects at the same
// time.
const maxPending = 10

// withoutState is how long a connection may be pending when only the session
// says which one a callback belongs to.
const withoutState = 3 * time.Minute

// keep puts a pending connection into the store, and its hash into the
// session's list. When the session has maxPending already, the oldest is void
// from now on.
//
// Two requests of one session at the same moment may each save a list without
// the other's hash. The connection whose hash is missing can still complete,
// and leaves the store when it expires. With Server.StateNotReturned it can't
// complete, because only the list names it.
func (c *Connector) keep(ctx context.Context, hashed string, pending PendingConnection) error {
	hashes, err := c.pendingHashes(ctx)
	if err != nil {
		return err
	}
	most := maxPending
	if c.server.StateNotReturned {
		most = 1
	}
	for len(hashes) >= most {
		if _, err := c.states.Take(ctx, c.key(hashes[0])); err != nil && !errors.Is(err, ErrNotFound) {
			return storeError("drop the oldest state", err)
		}
		hashes = hashes[1:]
	}
	if err := c.states.Put(ctx, c.key(hashed), pending); err != nil {
		return storeError("put the state", err)
	}
	c.sessions.Put(ctx, c.keys.pending, strings.Join(append(hashes, hashed), " "))
	if c.ownSessions != nil && c.ownSessions.GetString(ctx, c.keys.userID) == "" { // a session with a user keeps its end
		c.ownSessions.prolong(ctx, c.connectFor) // a later attempt has its whole time too
	}
	return nil
}

// forgetPending takes the hash of a state that was redeemed off the session's list.
func (c *Connector) forgetPending(ctx context.Context, hashed string) error {
	hashes, err := c.pendingHashes(ctx)
	if err != nil {
		return err
	}
	if i := slices.Index(hashes, hashed); i >= 0 {
		c.sessions.Put(ctx, c.keys.pending, strings.Join(slices.Delete(hashes, i, i+1), " "))
	}
	return nil
}

// pendingHashes reads the session's list of hashes of states, oldest first. A
// list that this package can't have written is treated as empty.
func (c *Connector) pendingHashes(ctx context.Context) ([]string, error) {
	list, err := c.session(ctx, c.keys.pending)
	if err != nil || len(list) > maxPending*(nonceLength+1) {
		return nil, err
	}
	hashes := strings.Fields(list)
	if slices.ContainsFunc(hashes, func(hashed string) bool { return len(hashed) != nonceLength }) {
		return nil, nil
	}
	return hashes, nil
}

// stateID is what the sessions and the stores see of a state.
func stateID(state string) string { return hash(state) }

// takePending redeems the state that has this hash, once. Its error is an
// ErrInvalidState that names the cause, or an ErrStore when the store failed.
func (c *Connector) takePending(ctx context.Context, state, hashed string) (PendingConnection, error) {
	pending, err := c.states.Take(ctx, c.key(hashed))
	switch {
	case err == nil:
		return pending, nil
	case !errors.Is(err, ErrNotFound):
		return PendingConnection{}, storeError("take the state", err)
	case c.isExpired(state):
		return PendingConnection{}, errStateExpired
	}
	hashes, err := c.pendingHashes(ctx)
	switch {
	case err != nil:
		return PendingConnection{}, err
	case slices.Contains(hashes, hashed):
		return PendingConnection{}, errStateLost
	}
	return PendingConnection{}, errStateUsed
}

// isBoundTo reports whether one of a browser's bindings is that of the pending
// connection.
func (p PendingConnection) isBoundTo(bindings []string) bool {
	for _, binding := range bindings {
		if equalInConstantTime(p.BrowserHash, hash(binding)) {
			return true
		}
	}
	return false
}
