package gloebit

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// atRest is the pending connection as another process would read it: without
// the clock of this one, and without the request that its strings may be parts
// of, the whole of which they would keep in memory.
func (p PendingConnection) atRest() PendingConnection {
	p.UserID, p.ReturnTo = strings.Clone(p.UserID), strings.Clone(p.ReturnTo)
	p.ExpiresAt = p.ExpiresAt.Round(0)
	return p
}

// mostPending is how many connections one session has under way: the ones it
// started last. So many tabs nobody fills in.
const mostPending = 10

// keep puts a pending connection into the store, and its key into the session's
// list. When the session has mostPending already, the oldest is void from now on.
//
// Two requests of one session at the same moment may each save a list without
// the other's key. What is missing there still completes, and leaves the store
// when it expires.
func (m *Merchant) keep(ctx context.Context, key string, pending PendingConnection) error {
	keys, err := m.pendingKeys(ctx)
	if err != nil {
		return err
	}
	for len(keys) >= mostPending {
		if _, err := m.states.Take(ctx, keys[0]); err != nil && !errors.Is(err, ErrNotFound) {
			return storeError("drop the oldest state", err)
		}
		keys = keys[1:]
	}
	if err := m.states.Put(ctx, key, pending); err != nil {
		return storeError("put the state", err)
	}
	m.sessions.Put(ctx, m.keys.pending, strings.Join(append(keys, key), " "))
	if m.ownSessions != nil && m.ownSessions.GetString(ctx, m.keys.userID) == "" { // somebody's ends with its day
		m.ownSessions.prolong(ctx, m.connectFor) // a later attempt has its whole time too
	}
	return nil
}

// strike takes the key of a state that was redeemed off the session's list.
func (m *Merchant) strike(ctx context.Context, key string) error {
	keys, err := m.pendingKeys(ctx)
	if err != nil {
		return err
	}
	if i := slices.Index(keys, key); i >= 0 {
		m.sessions.Put(ctx, m.keys.pending, strings.Join(slices.Delete(keys, i, i+1), " "))
	}
	return nil
}

// pendingKeys reads the session's list, oldest first. A list that this package
// can't have written is none.
func (m *Merchant) pendingKeys(ctx context.Context) ([]string, error) {
	list, err := m.session(ctx, m.keys.pending)
	if err != nil || len(list) > mostPending*(nonceLength+1) {
		return nil, err
	}
	keys := strings.Fields(list)
	if slices.ContainsFunc(keys, func(key string) bool { return len(key) != nonceLength }) {
		return nil, nil
	}
	return keys, nil
}
