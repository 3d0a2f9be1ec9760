package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	expiryLeeway   = 10 * time.Second // a token this close to its expiry is refreshed first
	minRefreshTime = 20 * time.Second // with less time left, the response could come too late to be saved
)

// Fresh returns the credential. If the access token has expired, or expires
// within ten seconds, and there is a refresh token, Fresh renews it first. It
// waits until the given time at most. Its errors are those of [Account.Renew].
func (a *Account) Fresh(ctx context.Context, until time.Time) (Credential, error) {
	credential := a.Credential()
	if credential.expired(a.connector.clock().Add(expiryLeeway)) && a.CanRenew(credential) {
		return a.Renew(ctx, until, credential)
	}
	return credential, nil
}

// CanRenew reports whether Renew can refresh the credential: it has a refresh
// token, and the account was not set by [Connector.Unsaved].
func (a *Account) CanRenew(credential Credential) bool {
	return credential.RefreshToken != "" && a.user.ID != ""
}

// Renew returns a credential with a newer access token than the stale one. The
// first caller asks the server while it holds the lock of the user in the
// store; all others, in this process and on other replicas, get the credential
// that it saved. At the time given in until, Renew stops waiting and returns
// context.DeadlineExceeded. Other errors: ErrNotConnected when the refresh was
// refused or the user has disconnected, [ErrAnotherConnection],
// ErrTokenExchange, ErrStore, and the context's.
func (a *Account) Renew(ctx context.Context, until time.Time, stale Credential) (Credential, error) {
	c := a.connector
	timeout := time.NewTimer(time.Until(until))
	defer timeout.Stop()
	key := a.user.ID + "\x00" + stale.AccessToken.Reveal()
	result := c.refreshing.DoChan(key, func() (value any, err error) {
		// This runs in a separate goroutine, where a panic would end the
		// program. The waiting callers panic instead.
		defer func() {
			if p := recover(); p != nil {
				value = panicked{p}
			}
		}()
		return c.refresh(ctx, a.user.ID, stale.AccessToken)
	})
	select {
	case r := <-result:
		if p, ok := r.Val.(panicked); ok {
			panic(p.value)
		}
		if r.Err != nil {
			return Credential{}, r.Err
		}
		fresh := r.Val.(Credential)
		return fresh, a.adopt(fresh)
	case <-ctx.Done():
		return Credential{}, ctx.Err()
	case <-timeout.C:
		return Credential{}, context.DeadlineExceeded
	}
}

// panicked holds the value of a panic in a store or a hook of the application.
type panicked struct{ value any }

// refresh refreshes the stored credential if its token is still the stale one.
func (c *Connector) refresh(ctx context.Context, userID string, stale Secret) (Credential, error) {
	// The work must not end with the first caller's request.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.refreshFor)
	defer cancel()
	until, _ := ctx.Deadline()
	var fresh, replaced Credential // fresh replaces replaced in the store
	var refused, asked error
	err := c.tokens.Update(ctx, c.key(userID), func(ctx context.Context, current *Credential) (*Credential, error) {
		if current == nil {
			refused = ErrNotConnected
			return nil, nil
		}
		if current.AccessToken != stale && !current.expired(c.clock().Add(expiryLeeway)) { //lint:constanttime both are stored
			fresh = *current
			return current, nil
		}
		// A token that comes too late to be saved would be lost, with its
		// refresh token.
		if time.Until(until) < minRefreshTime {
			asked = fmt.Errorf("%w: %w: waited too long for the user's turn", ErrTokenExchange, ErrUnavailable)
			return nil, asked
		}
		replaced = *current
		ctx, end := c.start(ctx, c.trace.Refresh, userID)
		fresh, asked = c.protocol.Refresh(ctx, c.application, *current)
		if asked == nil && fresh.Subject != "" && current.Subject != "" && fresh.Subject != current.Subject {
			fresh, asked = Credential{},
				fmt.Errorf("%w: %w: the refreshed token is of another account", ErrTokenExchange, ErrInvalidResponse)
		}
		if asked != nil {
			var ends bool
			ends, asked = endsConnection(asked)
			end(asked)
			if ends {
				refused = asked
				return nil, nil
			}
			return nil, asked
		}
		end(nil)
		fresh.Subject = cmp.Or(fresh.Subject, current.Subject)
		fresh.Name = current.Name
		fresh.ConnectedAt = current.ConnectedAt
		fresh.ExpiresAt = current.ExpiresAt
		return &fresh, nil
	})
	switch {
	case asked != nil && refused == nil:
		return Credential{}, asked
	case err != nil && fresh.AccessToken != "" && replaced.AccessToken != "":
		return c.saveAgain(ctx, userID, replaced, fresh, err)
	case err != nil:
		return Credential{}, storeError("save the refreshed credential", err)
	case refused != nil:
		c.log.WarnContext(ctx, c.name+": disconnected: the refresh was refused", "user", userID, "cause", refused.Error())
		return Credential{}, refused
	}
	return fresh, nil
}

const (
	firstSaveAgain = 50 * time.Millisecond // before a save is retried; the wait doubles
	lastSaveAgain  = 2 * time.Second
)

// saveAgain retries a failed save of a refreshed credential, for example after
// the database connection broke. The credential must not be lost, because the
// server may have revoked all earlier refresh tokens. It is saved if the store
// still has the credential that it replaces. Otherwise saveAgain returns the
// stored one: another replica's, or the refreshed one if the failed save
// succeeded after all. It retries until ctx ends; failed is the error of the
// first save.
func (c *Connector) saveAgain(
	ctx context.Context, userID string, replaced, fresh Credential, failed error,
) (Credential, error) {
	for wait := firstSaveAgain; ; wait = min(2*wait, lastSaveAgain) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			c.log.ErrorContext(
				ctx, c.name+": a refreshed token is lost: the store could not keep it", "user", userID, "cause", failed.Error(),
			)
			return Credential{}, storeError("save the refreshed credential", failed)
		}
		var kept *Credential
		err := c.tokens.Update(ctx, c.key(userID), func(_ context.Context, current *Credential) (*Credential, error) {
			if kept = current; current != nil && current.AccessToken == replaced.AccessToken { //lint:constanttime both stored
				kept = &fresh
			}
			return kept, nil
		})
		switch {
		case err != nil:
			failed = err
		case kept == nil:
			return Credential{}, ErrNotConnected
		default:
			c.log.InfoContext(ctx, c.name+": a refreshed token was saved at a later attempt", "user", userID)
			return *kept, nil
		}
	}
}

// endsConnection reports whether an error of Protocol.Refresh means that the
// grant has ended, and returns the error to pass on. That is an ErrNotConnected
// if the grant has ended. It is also an ErrNotConnected if the server refuses
// without a reason or seems not to support refreshing: the grant has not ended
// then, the credential stays, and the user can connect again. It is another
// error if the server can't be reached or is busy.
func endsConnection(err error) (bool, error) {
	refused := new(TokenError)
	errors.As(err, &refused)
	ends := refused.endsGrant() || errors.Is(err, ErrNotConnected)
	if ends || refused.noRefreshSupport() || refused.givesNoReason() || errors.Is(err, ErrInvalidResponse) {
		err = fmt.Errorf("%w: %w: %w", ErrNotConnected, ErrTokenExpired, err)
	}
	return ends, err
}
