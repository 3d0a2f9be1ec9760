package connect

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// maxPending is how many pending connections one session can have. Starting
// another one ends the oldest. A user rarely connects in more tabs at the same
// time.
const maxPending = 10

// withoutState is how long a connection may be pending if only the session
// identifies it.
const withoutState = 3 * time.Minute

// keep stores a pending connection, and adds its hash to the session's list. If
// the session has maxPending already, the oldest is no longer valid.
//
// Two requests of one session at the same moment may each save a list without
// the other's hash. The connection whose hash is missing can still complete,
// and the store removes it when it expires. With Server.StateNotReturned it
// can't complete, because only the list has its hash.
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
	if c.ownSessions != nil && c.ownSessions.GetString(ctx, c.keys.userID) == "" { // users keep their expiry
		c.ownSessions.extend(ctx, c.connectFor) // a later attempt gets the full time, too
	}
	return nil
}

// forgetPending removes a redeemed state's hash from the session's list.
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

// pendingHashes returns the session's list of state hashes, oldest first. An
// invalid list is treated as empty.
func (c *Connector) pendingHashes(ctx context.Context) ([]string, error) {
	list, err := c.session(ctx, c.keys.pending)
	if err != nil || len(list) > maxPending*(nonceLength+1) {
		return nil, err
	}
	hashes := strings.Split(list, " ")
	if slices.ContainsFunc(hashes, func(hashed string) bool { return len(hashed) != nonceLength }) {
		return nil, nil
	}
	return hashes, nil
}

// stateID is the hash of a state that sessions and stores get.
func stateID(state string) string { return hash(state) }

// takePending redeems the state with the hash, once. Its error is an
// ErrInvalidState with the cause, or an ErrStore if the store failed.
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

// isBoundTo reports whether one of the browser's bindings is the pending
// connection's.
func (p PendingConnection) isBoundTo(browser bindings) bool {
	for _, binding := range [...]string{browser.session, browser.cookie} {
		if binding != "" && equalInConstantTime(p.BrowserHash, hash(binding)) {
			return true
		}
	}
	return false
}
