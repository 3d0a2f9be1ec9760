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

	"github.com/go-gloebit/gloebit/connect"
)

const maxAnswer = 64 << 10 // bytes of a token response

// problems are the oauth_problem values that errors may contain: those of the
// OAuth Problem Reporting extension. Any other text may contain a secret.
var problems = []string{
	"version_rejected", "parameter_absent", "parameter_rejected", "timestamp_refused", "nonce_used",
	"signature_method_rejected", "signature_invalid", "consumer_key_unknown", "consumer_key_rejected",
	"consumer_key_refused", "token_used", "token_expired", "token_revoked", "token_rejected",
	"additional_authorization_required", "permission_unknown", "permission_denied", "user_refused",
}

// redactedError hides the text of an error of net/http, which may quote the
// request or the response. errors.Is and errors.As still match it.
type redactedError struct{ err error }

func (redactedError) Error() string { return "the request failed" }

func (e redactedError) Unwrap() error { return e.err }

// exchange is the transport for a step's single request. The library sends
// requests without a context and a size limit, and puts whole responses into
// its errors. exchange adds the context and the limit, and its errors contain
// only the response's status and oauth_problem.
type exchange struct {
	ctx    context.Context
	client *http.Client
	status int        // zero without a response
	answer url.Values // the parameters of the response
	err    error      // why there was no response, without the text
}

// RoundTrip implements http.RoundTripper.
func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := e.client.Do(req.WithContext(e.ctx))
	if err != nil {
		e.err = redactedError{err}
		return nil, e.err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		e.err = redactedError{err}
		return nil, e.err
	}
	if len(body) > maxAnswer {
		e.err = fmt.Errorf("longer than %d bytes", maxAnswer)
		return nil, e.err
	}
	body = bytes.TrimSpace(body) // a line break at the end would become part of the last value, often the secret
	e.status = resp.StatusCode
	e.answer, _ = url.ParseQuery(string(body)) // the library reports a response that can't be parsed
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// failure returns the error of a failed step, without the response's text.
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

// problem returns the response's oauth_problem if errors may contain it.
func (e *exchange) problem() string {
	if problem := e.answer.Get("oauth_problem"); slices.Contains(problems, problem) {
		return " " + problem
	}
	return ""
}
