package connect

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// HTTPClient returns a client that sends the user's token with each request.
// Use it only for the server's own API, because it sends the token to whatever
// host a request names. It refuses plain http except to loopback addresses, and
// follows no redirect.
//
// If the token expires within ten seconds and there is a refresh token, the
// client refreshes it first. After a response that says that the token has
// expired (see Server.Expired) it refreshes the token. After any other 401, or
// if there is no refresh token, it reloads the credential, because another
// replica may have refreshed it, and waits for a refresh in progress. If it
// then has a new token, it resends the request once, unless the request has a
// body and no [http.Request.GetBody]. If the request can't be resent, or
// resending it gets no response, the caller gets the first response. Call
// [Account.Reject] if the response that you get means that the token is no
// longer valid.
//
// The client has no Timeout: give each request a context that ends.
func (a *Account) HTTPClient() *http.Client {
	return &http.Client{
		Transport:     &authorizing{account: a},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// authorizing sends requests with the account's token.
type authorizing struct{ account *Account }

// renewTimeout is how long a request waits for a refreshed token.
const renewTimeout = 30 * time.Second

// RoundTrip implements [http.RoundTripper].
func (t *authorizing) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !isLoopback(req.URL.Hostname()) {
		closeBody(req)
		return nil, fmt.Errorf("%w: a token is not sent to %s over plain http", ErrInvalidRequest, req.URL.Host)
	}
	until := time.Now().Add(renewTimeout)
	credential, err := t.account.Fresh(req.Context(), until)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := t.send(req, req.Body, credential)
	if err != nil {
		return nil, err
	}
	expired := t.saysExpired(resp)
	if !expired && resp.StatusCode != http.StatusUnauthorized {
		return resp, nil
	}
	newer, ok := t.newer(req.Context(), until, expired, credential)
	if !ok || req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return resp, nil
	}
	body := req.Body
	if req.GetBody != nil {
		if body, err = req.GetBody(); err != nil {
			return resp, nil
		}
	}
	again, err := t.send(req, body, newer)
	if err != nil {
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be reused
	resp.Body.Close()
	return again, nil
}

// saysExpired reports whether a response means that the token has expired.
func (t *authorizing) saysExpired(resp *http.Response) bool {
	if says := t.account.connector.server.Expired; says != nil {
		return says(resp)
	}
	return resp.StatusCode == http.StatusUnauthorized && SaysInvalidToken(resp.Header)
}

// newer returns a credential to retry the request with.
func (t *authorizing) newer(
	ctx context.Context, until time.Time, expired bool, sent Credential,
) (Credential, bool) {
	if expired && t.account.CanRenew(sent) {
		fresh, err := t.account.Renew(ctx, until, sent)
		return fresh, err == nil
	}
	stored, err := t.account.reload(ctx, until, sent)
	return stored, err == nil && stored.AccessToken != sent.AccessToken //lint:constanttime both are stored
}

func (t *authorizing) send(req *http.Request, body io.ReadCloser, credential Credential) (*http.Response, error) {
	c := t.account.connector
	sent := req.Clone(req.Context())
	sent.Body = body
	complete(sent, c.header)
	if err := c.protocol.Authorize(c.application, sent, credential); err != nil {
		closeBody(sent)
		return nil, err
	}
	transport := c.http.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	return transport.RoundTrip(sent)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// SaysInvalidToken reports whether the WWW-Authenticate header of a response
// says that the access token has expired or was revoked (RFC 6750 section 3.1).
func SaysInvalidToken(h http.Header) bool {
	challenge := strings.ToLower(strings.ReplaceAll(strings.Join(h.Values("WWW-Authenticate"), ","), " ", "")) + ","
	return strings.Contains(challenge, `error="invalid_token"`) || strings.Contains(challenge, "error=invalid_token,")
}

// reload replaces the account's credential with the one in the store. The
// server may no longer know the sent token because another goroutine or replica
// is refreshing it; reload then waits until the new one is saved.
func (a *Account) reload(ctx context.Context, until time.Time, sent Credential) (Credential, error) {
	if a.user.ID == "" {
		return Credential{}, ErrNotConnected
	}
	var stored Credential
	if err := a.connector.load(ctx, a.user.ID, &stored); err != nil {
		return Credential{}, err
	}
	if stored.AccessToken == sent.AccessToken && a.CanRenew(sent) { //lint:constanttime both are stored
		ctx, cancel := context.WithDeadline(ctx, until)
		defer cancel()
		err := a.connector.tokens.Update(ctx, a.connector.key(a.user.ID), func(
			_ context.Context, current *Credential,
		) (*Credential, error) {
			if current != nil {
				stored = *current
			}
			return current, nil
		})
		if err != nil {
			return Credential{}, storeError("wait for a refresh", err)
		}
	}
	return stored, a.adopt(stored)
}

// maxReplyHeader is the greatest size of a response's header in bytes. The
// default of net/http is 10 MiB.
const maxReplyHeader = 64 << 10

// newHTTPClient returns a copy of the given client that follows no redirects,
// so that secrets are sent only to the URLs of the Server.
func newHTTPClient(given *http.Client) *http.Client {
	client := new(http.Client)
	if given != nil {
		*client = *given
	} else if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = transport.Clone()
		transport.MaxIdleConnsPerHost = 64
		transport.MaxResponseHeaderBytes = maxReplyHeader
		client.Transport = transport
	}
	client.Timeout = cmp.Or(client.Timeout, 15*time.Second) // for the connection, TLS, header and body
	client.Jar = nil                                        // one user's cookies must not be sent for another user
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}
