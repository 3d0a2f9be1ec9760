package oauth1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
)

const maxAnswer = 64 << 10 // bytes of a token answer

// problems are the values of oauth_problem that errors name: those of the OAuth
// Problem Reporting extension. Any other text may repeat a secret.
var problems = []string{
	"version_rejected", "parameter_absent", "parameter_rejected", "timestamp_refused", "nonce_used",
	"signature_method_rejected", "signature_invalid", "consumer_key_unknown", "consumer_key_rejected",
	"consumer_key_refused", "token_used", "token_expired", "token_revoked", "token_rejected",
	"additional_authorization_required", "permission_unknown", "permission_denied", "user_refused",
}

// unsaidError is an error of package net/http, for errors.Is and errors.As. Its
// text does not show, because it may quote the request or the reply.
type unsaidError struct{ err error }

func (unsaidError) Error() string { return "the request failed" }

func (e unsaidError) Unwrap() error { return e.err }

// exchange is the one request that a step of the flow makes. The library asks
// without a context and without a bound, and puts whole answers into its errors:
// here they get the first two, and what is said of the answer is its status and
// the problem that it names.
type exchange struct {
	ctx    context.Context
	client *http.Client
	status int        // of the answer; zero when none came
	answer url.Values // of a good answer
	err    error      // why none came, without its text
}

// RoundTrip implements http.RoundTripper.
func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := e.client.Do(req.WithContext(e.ctx))
	if err != nil {
		e.err = unsaidError{err}
		return nil, e.err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		e.err = unsaidError{err}
		return nil, e.err
	}
	if len(body) > maxAnswer {
		e.err = fmt.Errorf("longer than %d bytes", maxAnswer)
		return nil, e.err
	}
	e.status = resp.StatusCode
	e.answer, _ = url.ParseQuery(strings.TrimSpace(string(body))) // the library says when it can't be parsed
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// failure says why a step gave nothing, without the answer's text.
func (e *exchange) failure(step string) error {
	var network net.Error
	switch {
	case errors.Is(e.err, context.Canceled):
		return fmt.Errorf("%w: %s: %w", connect.ErrTokenExchange, step, context.Canceled)
	case errors.Is(e.err, context.DeadlineExceeded), errors.As(e.err, &network) && network.Timeout():
		return fmt.Errorf("%w: %s: %w", connect.ErrTokenExchange, step, context.DeadlineExceeded)
	case e.err != nil:
		return fmt.Errorf("%w: %w: %s: %w", connect.ErrTokenExchange, connect.ErrUnavailable, step, e.err)
	case e.status >= http.StatusInternalServerError:
		return fmt.Errorf("%w: %w: %s: status %d", connect.ErrTokenExchange, connect.ErrUnavailable, step, e.status)
	case e.status != http.StatusOK && e.status != http.StatusCreated:
		return fmt.Errorf("%w: %s: status %d%s", connect.ErrTokenExchange, step, e.status, e.problem())
	}
	return fmt.Errorf("%w: %s: the answer can't be read", connect.ErrTokenExchange, step)
}

// problem returns the problem that the answer names, if errors may name it.
func (e *exchange) problem() string {
	if problem := e.answer.Get("oauth_problem"); slices.Contains(problems, problem) {
		return " " + problem
	}
	return ""
}
