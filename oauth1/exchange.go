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
	"strings"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/discreet"
)

const (
	largestAnswer = 64 << 10 // bytes of a token answer
	longestScope  = 1024     // bytes of the list of scopes in it; all that there are take 60
)

// exchange is the one request that a step of the flow makes. The library asks
// without a context and without a bound, and puts whole answers into its errors:
// here they get the first two, and what is said of the answer is its status and
// the problem that it names.
type exchange struct {
	ctx    context.Context
	client *http.Client
	sent   []gloebit.Secret // that the provider knows, and may repeat
	status int              // of the answer; zero when none came
	answer url.Values       // of a good answer
	err    error            // why none came, without its text
}

// RoundTrip implements http.RoundTripper.
func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := e.client.Do(req.WithContext(e.ctx))
	if err != nil {
		e.err = discreet.Failure(err)
		return nil, e.err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer+1))
	if err != nil {
		e.err = discreet.Failure(err)
		return nil, e.err
	}
	if len(body) > largestAnswer {
		e.err = fmt.Errorf("longer than %d bytes", largestAnswer)
		return nil, e.err
	}
	e.status = resp.StatusCode
	e.answer, _ = url.ParseQuery(strings.TrimSpace(string(body))) // the library says when it can't be parsed
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// failure says why a step gave nothing, without the answer's text.
func (e *exchange) failure(step string, err error) error {
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %s: %w", gloebit.ErrExchange, step, context.Canceled)
	case errors.Is(e.err, context.DeadlineExceeded), errors.As(e.err, &network) && network.Timeout():
		return fmt.Errorf("%w: %s: %w", gloebit.ErrExchange, step, context.DeadlineExceeded)
	case e.err != nil:
		return fmt.Errorf("%w: %w: %s: %w", gloebit.ErrExchange, gloebit.ErrUnavailable, step, e.err)
	case e.status >= http.StatusInternalServerError:
		return fmt.Errorf("%w: %w: %s: status %d", gloebit.ErrExchange, gloebit.ErrUnavailable, step, e.status)
	case e.status != http.StatusOK && e.status != http.StatusCreated:
		return fmt.Errorf("%w: %s: status %d %.60q", gloebit.ErrExchange, step, e.status, discreet.Words(e.answer.Get("oauth_problem"), e.sent...))
	}
	return fmt.Errorf("%w: %s: the answer can't be read", gloebit.ErrExchange, step)
}
