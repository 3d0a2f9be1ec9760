package ultracart

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/reply"
)

// defaultMaxWait is the default of UltraCart's own clients.
const defaultMaxWait = 20 * time.Second

// sender sends requests, and repeats those refused because of a limit.
type sender struct {
	client  *http.Client
	maxWait time.Duration
}

// send sends a request and returns its response with the body. A 429 means that
// UltraCart did not process the request. It is repeated after Retry-After,
// unless the waits would exceed maxWait or the context's deadline.
func (s sender) send(ctx context.Context, method, target, contentType, body string) (*http.Response, []byte, error) {
	left := s.maxWait
	if left == 0 {
		left = defaultMaxWait
	}
	for {
		resp, read, err := s.once(ctx, method, target, contentType, body)
		if err != nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
			return resp, read, err
		}
		wait := max(retryAfter(resp.Header), time.Second)
		until, limited := ctx.Deadline()
		if wait > left || limited && time.Until(until) <= wait {
			return resp, read, nil
		}
		left -= wait
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, nil, fmt.Errorf("ultracart: %w", ctx.Err())
		}
	}
}

func (s sender) once(ctx context.Context, method, target, contentType, body string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("ultracart: %w: the URL can't be parsed", connect.ErrInvalidRequest)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set(versionHeader, version)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	client := s.client
	if client == nil {
		client = http.DefaultClient
	}
	unredirected := *client
	unredirected.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := unredirected.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("ultracart: %w", reply.Failed(err))
	}
	read, err := reply.Read(resp)
	if err != nil && resp.StatusCode == http.StatusOK {
		return nil, nil, &APIError{Status: resp.StatusCode, Text: err.Error()}
	}
	return resp, read, nil
}
