package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// refresh lets one goroutine of this process refresh a token while the others
// wait for it, each within its own context and time.
func (c *Connector) refresh(ctx context.Context, until time.Time, userID string, stale Secret) (Credential, error) {
	timeout := time.NewTimer(time.Until(until))
	defer timeout.Stop()
	key := userID + "\x00" + stale.Reveal()
	result := c.refreshing.DoChan(key, func() (value any, err error) {
		// It runs in a goroutine of its own, where a panic would end the
		// program: it goes on in those who wait.
		defer func() {
			if p := recover(); p != nil {
				value = panicked{p}
			}
		}()
		// The work outlives the caller who happened to come first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.refreshFor)
		defer cancel()
		return c.refreshStored(ctx, userID, stale)
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
func (c *Connector) refreshStored(ctx context.Context, userID string, stale Secret) (Credential, error) {
	var fresh Credential
	var refused, asked error
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now().Add(c.refreshFor)
	}
	err := c.tokens.Update(ctx, c.key(userID), func(ctx context.Context, current *Credential) (*Credential, error) {
		if current == nil {
			refused = ErrNotConnected
			return nil, nil
		}
		if current.AccessToken != stale && !current.expired(c.clock().Add(expiryLeeway)) { //lint:constanttime both are stored
			fresh = *current
			return current, nil
		}
		if time.Until(until) < leastToAsk { // a token that comes too late to be saved would be lost, and its refresh token with it
			asked = fmt.Errorf("%w: %w: waited too long for the user's turn", ErrExchange, ErrUnavailable)
			return nil, asked
		}
		var ends bool
		fresh, ends, asked = c.askForToken(ctx, *current)
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
		c.log.WarnContext(ctx, c.name+": disconnected: the refresh was refused", "user", userID, "cause", refused.Error())
		return Credential{}, refused
	}
	return fresh, nil
}

// askForToken asks the provider for a new token. When that refuses, the grant
// ends, and the error is an ErrNotConnected. When the provider refuses without a
// reason, or does not seem to have refreshing, it is one too, but nothing has
// ended: the credential stays, and the user can connect again. When the provider
// can't be reached, or is busy, it is not. Only OAuth 2.0 has refresh tokens.
func (c *Connector) askForToken(ctx context.Context, current Credential) (fresh Credential, ends bool, err error) {
	fresh, err = c.protocol.Refresh(ctx, c.application, current)
	if err != nil {
		refused := new(TokenError)
		errors.As(err, &refused)
		ends := refused.endsGrant() || errors.Is(err, ErrNotConnected)
		if ends || refused.knowsNoRefresh() || refused.givesNoReason() || errors.Is(err, ErrBadReply) {
			err = fmt.Errorf("%w: %w: %w", ErrNotConnected, ErrTokenExpired, err)
		}
		return Credential{}, ends, err
	}
	fresh.Subject = cmp.Or(fresh.Subject, current.Subject)
	fresh.Name = current.Name
	fresh.ConnectedAt = current.ConnectedAt
	fresh.Until = current.Until
	return fresh, false, nil
}
