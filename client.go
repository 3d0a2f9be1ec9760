package gloebit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// Client calls Gloebit for one user. It is bound to that user and to one
// Gloebit account, if Gloebit reported the account's ID. A Client is safe for
// concurrent use. The middleware puts one into the request's context;
// [Merchant.Client] returns one for work outside a request. Do not store a
// Client: until its token expires or is refused, it does not notice that the
// user has disconnected or has reconnected with another account. Once it
// notices, its calls return ErrNotConnected. Store the user's ID and create a
// Client when you need one.
//
// A method whose documentation says "once" does not retry its call. Besides the
// errors that a method names, every method can return ErrInvalidRequest when
// the request is invalid and was not sent; ErrNotConnected when the token or
// its refresh was refused; ErrTokenExchange when the refresh of an expired
// token failed for another reason; ErrScopeMissing, ErrUnknownApplication,
// ErrUnknownUser and ErrRefused; ErrRateLimited, ErrUnavailable and
// ErrInvalidResponse; ErrOutcomeUnknown when a call that changes something
// failed but may have been processed; ErrStore when a refreshed token could not
// be saved; and the context's error. Pass the error to [Merchant.HandleError],
// which responds to each of them.
type Client struct {
	merchant *Merchant
	account  *connect.Account
}

// User returns the user that the client calls for.
func (c *Client) User() User { return c.account.User() }

// Scopes returns the scopes that the user granted.
func (c *Client) Scopes() []Scope { return c.account.Scopes() }

// GloebitID returns the user's ID at Gloebit, or "" if the server did not
// report it when the user connected.
func (c *Client) GloebitID() string { return c.account.Credential().Subject }

// ConnectedAt returns when the user made the connection that the client uses.
// It is zero when that is unknown.
func (c *Client) ConnectedAt() time.Time { return c.account.Credential().ConnectedAt }

// Realm returns the merchant's realm; see [Merchant.Realm].
func (c *Client) Realm() string { return c.merchant.Realm() }

// Format writes the user's ID for every verb, because a Client holds secrets.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "gloebit.Client(%s)", c.User().ID)
}

// call is one request to the API.
type call struct {
	name       string // the path without its arguments, for errors
	traced     string // the name for Config.Trace; empty means name
	method     string
	path       string              // below Provider.APIURL, percent-encoded; empty means name
	scope      Scope               // the required scope
	body       any                 // sent as JSON, with the keys in order; nil sends none
	repeatable bool                // the call is idempotent
	tries      *attempts           // records what failed attempts may have done; nil to skip
	sent       *connect.Credential // set to the credential that the response answers; nil to skip
	bare       bool                // a response without success is one, as in the document's table for id
	failed     any                 // set to the other members of a response without success; nil to skip
	secrets    []Secret            // secrets in the request, besides the credential
	until      time.Time           // the deadline for all attempts
}

// bad returns the error for a successful response that can't be used. If the
// call changes something, the server has processed it.
func (c call) bad(why string) error {
	err := badReply(c.name, why)
	if c.method != http.MethodGet && !c.repeatable {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return err
}

const (
	maxReply    = 1 << 20
	maxAttempts = 4
	maxCall     = 30 * time.Second // for all attempts, if the caller has no deadline
)

// do sends a call and decodes the JSON object of a successful response into
// answer, which may be nil. It retries if that is safe, refreshes an expired
// token, and removes a refused token.
func (c *Client) do(ctx context.Context, call call, answer any) (err error) {
	ctx, end := c.start(ctx, cmp.Or(call.traced, call.name))
	defer func() { end(err) }()
	var payload []byte
	if call.body != nil {
		if payload, err = json.Marshal(call.body); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrInvalidRequest, call.name, err)
		}
	}
	var limited bool
	if call.until, limited = ctx.Deadline(); !limited {
		call.until = time.Now().Add(maxCall)
	}
	body, err := c.sendFresh(ctx, call, payload)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return call.bad("a field is of another type")
	}
	return nil
}

// sendFresh refreshes an expired token first and sends a call. If the server
// reports that the token has expired, it has not processed the call. sendFresh
// then sends it again with a newer token: a refreshed one, or the stored one if
// the user has reconnected.
func (c *Client) sendFresh(ctx context.Context, call call, payload []byte) ([]byte, error) {
	stale := c.account.Credential()
	credential, err := c.account.Fresh(ctx, call.until)
	if err == nil && call.tries.boundTo(stale, credential) {
		err = connect.ErrAnotherConnection
	}
	if err != nil {
		return nil, err
	}
	for renewed := 0; ; renewed++ {
		body, err := c.send(ctx, call, payload, &credential)
		refreshable := errors.Is(err, ErrTokenExpired) && c.account.CanRenew(credential)
		switch {
		case refreshable && renewed < maxRenewals:
			if credential, err = c.renew(ctx, call, credential); err != nil {
				return nil, err
			}
		case errors.Is(err, ErrNotConnected) && !refreshable:
			newer, ok := c.account.Reject(ctx, call.until, credential.AccessToken, &err)
			if !ok || renewed == maxRenewals || call.tries.boundTo(credential, newer) {
				return nil, err
			}
			credential = newer
		default:
			return body, err
		}
	}
}

// renew returns a credential with another token than stale, or an error if the
// call must not be sent with it.
func (c *Client) renew(ctx context.Context, call call, stale connect.Credential) (connect.Credential, error) {
	fresh, err := c.account.Renew(ctx, call.until, stale)
	if err == nil && call.tries.boundTo(stale, fresh) {
		err = connect.ErrAnotherConnection
	}
	return fresh, err
}

// maxRenewals is how many times one call may switch to another token. The
// stored token may have expired, too.
const maxRenewals = 2

// send makes the attempts of one call with one credential.
func (c *Client) send(ctx context.Context, call call, payload []byte, credential *connect.Credential) ([]byte, error) {
	var pause pause
	for attempt := 1; ; attempt++ {
		body, err := c.attempt(ctx, call, payload, credential)
		if call.tries != nil {
			call.tries.record(err)
		}
		if !call.repeatable && call.method != http.MethodGet && mayHaveArrived(err) {
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		}
		if err == nil || !call.repeatable || !transient(err) || attempt == maxAttempts {
			return body, err
		}
		if attempt == 1 {
			pause = c.merchant.newPause()
		}
		if !pause.wait(ctx, call.until, err) {
			return nil, err
		}
	}
}
