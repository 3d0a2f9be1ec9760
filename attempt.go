package gloebit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/redact"
)

// attempt sends one request and returns the body of a successful response.
func (c *Client) attempt(
	ctx context.Context, call call, payload []byte, credential *connect.Credential,
) ([]byte, error) {
	if err := ctx.Err(); err != nil { // nothing was sent
		return nil, fmt.Errorf("gloebit: %s: %w", call.name, err)
	}
	limited, cancel := context.WithDeadline(ctx, earlier(call.until, time.Now().Add(c.merchant.base.HTTPClient.Timeout)))
	defer cancel()
	var sent *reached
	if call.method != http.MethodGet {
		sent = new(reached)
		limited = sent.trace(limited)
	}
	req, err := c.request(limited, call, payload, credential)
	if err != nil {
		return nil, err
	}
	resp, err := c.merchant.api.Do(req)
	if err != nil {
		return nil, &APIError{Call: call.name, causes: []error{ErrUnavailable, redact.Failure(err)},
			transient: ctx.Err() == nil && !isUntrusted(err), unsent: sent.notSent(), written: sent.written()}
	}
	defer resp.Body.Close()
	body, err := readReply(resp)
	if err != nil {
		return nil, &APIError{
			Call: call.name, StatusCode: resp.StatusCode, causes: []error{ErrInvalidResponse, errCutOff, redact.Failure(err)},
			transient: ctx.Err() == nil,
		}
	}
	if call.sent != nil {
		*call.sent = *credential
	}
	return c.read(call, resp, body, credential)
}

// request returns the request of one attempt.
func (c *Client) request(
	ctx context.Context, call call, payload []byte, credential *connect.Credential,
) (*http.Request, error) {
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
	if credential.AccessToken != "" { // calls in the application's own name have none
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

// readReply reads a body up to one byte beyond the limit, to detect that it is
// too long. It does not rely on Content-Length, which some transports leave
// out.
func readReply(resp *http.Response) ([]byte, error) {
	hint := max(0, min(resp.ContentLength, maxReply)) + bytes.MinRead
	body := bytes.NewBuffer(make([]byte, 0, hint))
	_, err := body.ReadFrom(io.LimitReader(resp.Body, maxReply+1))
	isObject := bytes.HasPrefix(bytes.TrimSpace(body.Bytes()), []byte("{"))
	// Without a length, the body ends with the connection. A decompressed body
	// has its own end.
	endless := resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 && resp.ProtoMajor < 2 && !resp.Uncompressed
	switch {
	case err != nil && isObject && json.Valid(body.Bytes()):
		err = nil // the connection broke after the whole object
	case err == nil && isObject && endless && body.Len() <= maxReply && !json.Valid(body.Bytes()):
		err = io.ErrUnexpectedEOF
	}
	return body.Bytes(), err
}
