package gloebit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/discreet"
)

// Client calls Gloebit for one user. It is bound to that user and, if Gloebit
// reported its ID, to one Gloebit account. If the user reconnects with another
// account, its calls return ErrNotConnected; create a new Client. It is safe for
// concurrent use. The middleware puts one into the request's context;
// [Merchant.Client] returns one for work outside a request. Store the user's ID
// and not the Client, which is cheap to create and does not see a later
// disconnection.
//
// Every method's error may be, beside what the method says: ErrInvalidRequest
// when nothing was sent; ErrNotConnected when the token was refused; ErrExchange
// when an expired one could not be refreshed; ErrScopeMissing,
// ErrUnknownApplication, ErrUnknownUser and ErrRefused; ErrRateLimited,
// ErrUnavailable and ErrBadReply; ErrOutcomeUnknown when a call that changes
// something may have been carried out all the same; ErrStore when a refreshed
// token could not be saved; and the context's error. [Merchant.HandleError] knows what to do with each.
type Client struct {
	merchant *Merchant
	account  *connect.Account
}

// User returns the user for whom the client calls.
func (c *Client) User() User { return c.account.User() }

// Scopes returns what the user granted.
func (c *Client) Scopes() []Scope { return c.account.Scopes() }

// GloebitID returns the user's id at Gloebit when the server told it at the
// connection, or "".
func (c *Client) GloebitID() string { return c.account.Credential().Subject }

// ConnectedAt returns when the user made the connection that the client uses. It
// is zero when that is unknown.
func (c *Client) ConnectedAt() time.Time { return c.account.Credential().ConnectedAt }

// Realm returns the realm of the merchant for whom the client calls, as
// [Merchant.Realm].
func (c *Client) Realm() string { return c.merchant.Realm() }

// Format writes the user's id, whatever the verb: a Client holds secrets.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "gloebit.Client(%s)", c.User().ID)
}

// call is one request to the API.
type call struct {
	name       string // the path less its arguments, for errors
	method     string
	path       string      // below Provider.APIURL, percent-encoded; empty means name
	scope      Scope       // what it needs
	body       any         // sent as JSON, with the keys in order; nil sends none
	repeatable bool        // sending it twice does what sending it once does
	fate       *fate       // what attempts that failed may have done; nil when nobody asks
	sent       *Credential // takes the one that the reply answers; nil when nobody asks
	failed     any         // takes what a reply without success tells beside its reason; nil when nobody asks
	secrets    []Secret    // what it tells the server beside the credential, and is not to be repeated
	until      time.Time   // when it ends at the latest, with all attempts
}

// fate is what the attempts of one call may have done although they failed.
type fate struct {
	lost bool // an attempt may have been carried out unheard
	held bool // the server said that it has the transaction
}

// keepsTo reports whether an order must not be sent with the credential of a
// later connection: in another account's name, or when it may have been taken
// already.
func (f *fate) keepsTo(credential, newer Credential) bool {
	again := !newer.ConnectedAt.Equal(credential.ConnectedAt)
	return f != nil && again && (f.lost || f.held || newer.Subject != credential.Subject)
}

// bad is a successful reply that is no answer to the call. Where the call changes
// something, it was carried out all the same.
func (c call) bad(why string) error {
	err := badReply(c.name, why)
	if c.method != http.MethodGet && !c.repeatable {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return err
}

const (
	longestReply = 1 << 20
	mostAttempts = 4
	longestCall  = 30 * time.Second // with all attempts, when the caller has no deadline
)

// do sends a call, again where that is safe, with a fresh token where one was
// needed, and decodes the JSON object of a successful reply into answer, which
// may be nil. A token that was refused is forgotten.
func (c *Client) do(ctx context.Context, call call, answer any) error {
	var payload []byte
	if call.body != nil {
		var err error
		if payload, err = json.Marshal(call.body); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrInvalidRequest, call.name, err)
		}
	}
	var limited bool
	if call.until, limited = ctx.Deadline(); !limited {
		call.until = time.Now().Add(longestCall)
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

// sendFresh sends a call with a token that is not known to be stale. When the
// token turns out to be, the call was not carried out, and is sent once more
// with a newer one: a refreshed one, or one that the user's connecting again has
// left in the store meanwhile.
func (c *Client) sendFresh(ctx context.Context, call call, payload []byte) ([]byte, error) {
	stale := c.account.Credential()
	credential, err := c.account.Fresh(ctx, call.until)
	if err == nil && call.fate.keepsTo(stale, credential) {
		err = connect.ErrAnotherConnection
	}
	if err != nil {
		return nil, err
	}
	for renewed := 0; ; renewed++ {
		body, err := c.send(ctx, call, payload, &credential)
		refreshable := errors.Is(err, ErrTokenExpired) && c.account.CanRenew(credential)
		switch {
		case refreshable && renewed < mostRenewals:
			if credential, err = c.renew(ctx, call, credential); err != nil {
				return nil, err
			}
		case errors.Is(err, ErrNotConnected) && !refreshable:
			newer, ok := c.account.Reject(ctx, call.until, credential.AccessToken, &err)
			if !ok || renewed == mostRenewals || call.fate.keepsTo(credential, newer) {
				return nil, err
			}
			credential = newer
		default:
			return body, err
		}
	}
}

// renew gives a call another token than the stale one, unless that is one that
// the call must not be sent with.
func (c *Client) renew(ctx context.Context, call call, stale Credential) (Credential, error) {
	fresh, err := c.account.Renew(ctx, call.until, stale)
	if err == nil && call.fate.keepsTo(stale, fresh) {
		err = connect.ErrAnotherConnection
	}
	return fresh, err
}

// mostRenewals is how often one call gets another token: what the store holds
// may have expired too.
const mostRenewals = 2

// send makes the attempts of one call with one credential.
func (c *Client) send(ctx context.Context, call call, payload []byte, credential *Credential) ([]byte, error) {
	var pause pause
	for attempt := 1; ; attempt++ {
		body, err := c.attempt(ctx, call, payload, credential)
		if call.fate != nil {
			call.fate.see(err)
		}
		if !call.repeatable && call.method != http.MethodGet && mayHaveArrived(err) {
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		}
		if err == nil || !call.repeatable || !transient(err) || attempt == mostAttempts {
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

// attempt sends one request and returns the body of a successful reply.
func (c *Client) attempt(ctx context.Context, call call, payload []byte, credential *Credential) ([]byte, error) {
	if err := ctx.Err(); err != nil { // nothing was sent
		return nil, fmt.Errorf("gloebit: %s: %w", call.name, err)
	}
	limited, cancel := context.WithDeadline(ctx, earlier(call.until, time.Now().Add(c.merchant.base.HTTPClient.Timeout)))
	defer cancel()
	req, err := c.request(limited, call, payload, credential)
	if err != nil {
		return nil, err
	}
	resp, err := c.merchant.api.Do(req)
	if err != nil {
		return nil, &APIError{Call: call.name, causes: []error{ErrUnavailable, discreet.Failure(err)}, transient: ctx.Err() == nil && !isUntrusted(err)}
	}
	defer resp.Body.Close()
	body, err := readReply(resp)
	if err != nil {
		return nil, &APIError{Call: call.name, StatusCode: resp.StatusCode, causes: []error{ErrBadReply, errCutOff, discreet.Failure(err)}, transient: ctx.Err() == nil}
	}
	if call.sent != nil {
		*call.sent = *credential
	}
	return c.read(call, resp, body, credential)
}

// request makes the request of one attempt.
func (c *Client) request(ctx context.Context, call call, payload []byte, credential *Credential) (*http.Request, error) {
	var body io.Reader
	if payload != nil {
		body = bytes.NewReader(payload)
	}
	req, err := http.NewRequestWithContext(ctx, call.method, c.merchant.provider.APIURL+cmp.Or(call.path, call.name), body)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInvalidRequest, call.name, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.merchant.base.UserAgent)
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if credential.AccessToken != "" { // not for calls in the application's own name
		if err := c.merchant.connector.Authorize(req, *credential); err != nil {
			return nil, fmt.Errorf("gloebit: %s: %w", call.name, err)
		}
	}
	return req, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// readReply reads a body, and of one that is too long a byte more than it may
// have. What the header says of the length is a hint: transports that are not
// net/http's leave it out.
func readReply(resp *http.Response) ([]byte, error) {
	hint := max(0, min(resp.ContentLength, longestReply)) + bytes.MinRead
	body := bytes.NewBuffer(make([]byte, 0, hint))
	_, err := body.ReadFrom(io.LimitReader(resp.Body, longestReply+1))
	return body.Bytes(), err
}

// envelope is what every reply holds.
type envelope struct {
	Success *bool   `json:"success"`
	Reason  *string `json:"reason"`
	Status  *string `json:"status"`
}

// read tells a successful reply from all others. Texts are looked through for
// secrets once they are decoded: JSON has many ways of writing one.
func (c *Client) read(call call, resp *http.Response, body []byte, sent *Credential) ([]byte, error) {
	var reply envelope
	unreadable := json.Unmarshal(body, &reply) != nil
	if !unreadable && resp.StatusCode == http.StatusOK && len(body) <= longestReply && reply.Success != nil && *reply.Success {
		return body, nil
	}
	failure := &APIError{Call: call.name, StatusCode: resp.StatusCode, Scope: call.scope}
	if unreadable {
		reply.Status, reply.Reason = nil, oauthProblem(resp.Header, body)
	}
	failure.Reason, failure.Status = c.words(reply.Reason, sent, call.secrets...), c.words(reply.Status, sent, call.secrets...)
	if resp.StatusCode != http.StatusOK {
		failure.readStatus(resp, reply.Success != nil && *reply.Success)
		return nil, failure
	}
	switch {
	case len(body) > longestReply:
		return nil, badReply(call.name, "longer than 1 MiB")
	case unreadable && !json.Valid(body):
		return nil, badReply(call.name, "not JSON")
	case unreadable:
		return nil, badReply(call.name, "not a JSON object with success, reason and status of the documented types")
	case reply.Success == nil:
		return nil, badReply(call.name, "without success")
	}
	if call.failed != nil {
		_ = json.Unmarshal(body, call.failed) // what can't be read is not told
	}
	failure.causes = failuresOf(failure.Status, failure.Reason)
	failure.RetryAfter = retryAfter(resp.Header)
	failure.transient = failure.saysLater()
	return nil, failure
}

// readStatus says what an HTTP status other than 200 means. A reason that the
// body gives means more than the status, but for its saying that all is well.
func (e *APIError) readStatus(resp *http.Response, success bool) {
	e.RetryAfter = retryAfter(resp.Header)
	reasons := failuresOf(e.Status, e.Reason)
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		e.causes, e.transient = []error{ErrRateLimited}, true
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		e.causes, e.transient = []error{ErrUnavailable}, true
	case status < 300 || success:
		e.causes = []error{ErrBadReply, errStatus}
	case status < 400:
		e.causes = []error{ErrBadReply, errRedirect}
	case status == http.StatusUnauthorized && slices.Contains(reasons, ErrRefused) && connect.SaysInvalidToken(resp.Header): // RFC 6750 section 3.1
		e.causes = []error{ErrTokenExpired, ErrNotConnected}
	default:
		e.causes = reasons
		e.transient = e.saysLater()
	}
}

// saysLater reports whether the reason is one to ask again for.
func (e *APIError) saysLater() bool {
	return outcomeOf("", e).row().again || e.saysCreated()
}

// oauthProblem is the reason of a server that refuses a signed call in the words
// of OAuth 1.0a, in a form body or in its challenge; else empty.
func oauthProblem(h http.Header, body []byte) *string {
	if form, err := url.ParseQuery(strings.TrimSpace(string(body))); err == nil && len(body) < 4096 && form.Get("oauth_problem") != "" {
		return new(form.Get("oauth_problem"))
	}
	_, problem, _ := strings.Cut(strings.Join(h.Values("WWW-Authenticate"), ","), `oauth_problem="`)
	problem, _, _ = strings.Cut(problem, `"`)
	return &problem
}

// retryAfter reads the header in both its forms (RFC 9110 section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return min(time.Duration(seconds), 1e6) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// secrets are what the server knows of a call that was sent with the credential.
func (c *Client) secrets(sent *Credential) []Secret {
	return []Secret{sent.AccessToken, sent.RefreshToken, sent.TokenSecret, c.merchant.config.ClientSecret}
}

// words is what is kept of a text of the server's, which may be nil: neither the
// secrets of the credential nor more.
func (c *Client) words(text *string, sent *Credential, more ...Secret) string {
	if text == nil {
		return ""
	}
	return discreet.Words(*text, append(c.secrets(sent), more...)...)
}

var (
	errCutOff   = errors.New("cut off")
	errRedirect = errors.New("a redirect, which is not followed")
	errStatus   = errors.New("not the status of an answer")
)

// badReply is a reply with status 200 that is no answer.
func badReply(name, why string) error {
	return &APIError{Call: name, StatusCode: http.StatusOK, causes: []error{ErrBadReply, errors.New(why)}}
}
