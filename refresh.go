package gloebit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// refresh gives a token that is not the stale one, and makes it the client's.
// Whoever comes first asks the provider, under the store's lock; all others,
// here and on other replicas, get what that one saved. What is returned has
// been saved.
func (c *Client) refresh(ctx context.Context, until time.Time, stale Credential) (Credential, error) {
	fresh, err := c.merchant.refresh(ctx, until, c.user.ID, stale.AccessToken)
	if err != nil {
		return Credential{}, err
	}
	return fresh, c.adopt(fresh)
}

// adopt makes a credential from the store the client's, unless it is another
// account's: what the application knows of the client holds.
func (c *Client) adopt(newer Credential) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if mine := c.credential.GloebitID; mine != "" && newer.GloebitID != "" && mine != newer.GloebitID {
		return errAnotherConnection
	}
	c.credential = newer
	return nil
}

// refresh lets one goroutine of this process refresh a token while the others
// wait for it, each within its own context and time.
func (m *Merchant) refresh(ctx context.Context, until time.Time, userID string, stale Secret) (Credential, error) {
	timeout := time.NewTimer(time.Until(until))
	defer timeout.Stop()
	key := userID + "\x00" + stale.Reveal()
	result := m.refreshing.DoChan(key, func() (value any, err error) {
		// It runs in a goroutine of its own, where a panic would end the
		// program: it goes on in those who wait.
		defer func() {
			if p := recover(); p != nil {
				value = panicked{p}
			}
		}()
		// The work outlives the caller who happened to come first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.refreshFor)
		defer cancel()
		return m.refreshStored(ctx, userID, stale)
	})
	select {
	case r := <-result:
		if p, ok := r.Val.(panicked); ok {
			panic(p.value)
		}
		if r.Err != nil {
			return Credential{}, r.Err
		}
		return r.Val.(Credential), nil
	case <-ctx.Done():
		return Credential{}, ctx.Err()
	case <-timeout.C:
		return Credential{}, context.DeadlineExceeded
	}
}

// panicked is what a store or a hook of the application panicked with.
type panicked struct{ value any }

// refreshStored refreshes the stored credential if its token is still the stale
// one.
func (m *Merchant) refreshStored(ctx context.Context, userID string, stale Secret) (Credential, error) {
	var fresh Credential
	var refused, asked error
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now().Add(m.refreshFor)
	}
	err := m.tokens.Update(ctx, userID, func(ctx context.Context, current *Credential) (*Credential, error) {
		if current == nil {
			refused = ErrNotConnected
			return nil, nil
		}
		if current.AccessToken != stale && !current.expired(m.clock().Add(expiryLeeway)) { //lint:constanttime both are stored
			fresh = *current
			return current, nil
		}
		if time.Until(until) < leastToAsk { // a token that comes too late to be saved would be lost, and its refresh token with it
			asked = fmt.Errorf("%w: %w: waited too long for the user's turn", ErrExchange, ErrUnavailable)
			return nil, asked
		}
		var ends bool
		fresh, ends, asked = m.askForToken(ctx, *current)
		switch {
		case ends:
			refused = asked
			return nil, nil
		case asked != nil:
			return nil, asked
		}
		return &fresh, nil
	})
	switch {
	case asked != nil && refused == nil:
		return Credential{}, asked
	case err != nil:
		return Credential{}, storeError("save the refreshed credential", err)
	case refused != nil:
		m.log.WarnContext(ctx, "gloebit: disconnected: the refresh was refused", "user", userID, "cause", refused.Error())
		return Credential{}, refused
	}
	return fresh, nil
}

// askForToken asks the provider for a new token. When that refuses, the grant
// ends, and the error is an ErrNotConnected. When the provider refuses without a
// reason, or does not seem to have refreshing, it is one too, but nothing has
// ended: the credential stays, and the user can connect again. When the provider
// can't be reached, or is busy, it is not. Only OAuth 2.0 has refresh tokens.
func (m *Merchant) askForToken(ctx context.Context, current Credential) (fresh Credential, ends bool, err error) {
	fresh, err = oauth2Flow{}.refresh(ctx, m.application, current)
	if err != nil {
		var refused refusal
		errors.As(err, &refused)
		ends := refused.endsGrant()
		if ends || refused.knowsNoRefresh() || refused.givesNoReason() || errors.Is(err, ErrBadReply) {
			err = fmt.Errorf("%w: %w: %w", ErrNotConnected, ErrTokenExpired, err)
		}
		return Credential{}, ends, err
	}
	fresh.GloebitID = orDefault(fresh.GloebitID, current.GloebitID)
	fresh.Name = current.Name
	fresh.ConnectedAt = current.ConnectedAt
	fresh.Until = current.Until
	return fresh, false, nil
}

// forget removes the credential of a token that was refused, if it is still the
// one that was sent. When there is another, it becomes the client's and is
// returned. A store that fails adds to the error of the call.
func (c *Client) forget(ctx context.Context, until time.Time, sent Secret, refused *error) (newer Credential, ok bool) {
	m := c.merchant
	if c.user.ID == "" { // a token that was never saved
		return Credential{}, false
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err := m.tokens.Update(ctx, c.user.ID, func(_ context.Context, current *Credential) (*Credential, error) {
		if current == nil || current.AccessToken == sent { //lint:constanttime both are stored
			return nil, nil
		}
		newer, ok = *current, true
		return current, nil
	})
	switch {
	case err != nil:
		*refused = fmt.Errorf("%w (and %w)", *refused, storeError("forget the credential", err))
		return Credential{}, false
	case !ok:
		m.log.WarnContext(ctx, "gloebit: disconnected: the token was refused", "user", c.user.ID, "cause", (*refused).Error())
		return Credential{}, false
	}
	if err := c.adopt(newer); err != nil {
		*refused = fmt.Errorf("%w (%w)", *refused, err)
		return Credential{}, false
	}
	return newer, true
}
