package connect

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter is the longest Retry-After that a token request waits for, in
// seconds.
const maxRetryAfter = 10

// rateLimitRetrier is an [http.RoundTripper] that retries a token request once
// if the server refused it because of a rate limit (RFC 6585 section 4) and its
// Retry-After is short. The server has not used the code or the refresh token.
type rateLimitRetrier struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (p rateLimitRetrier) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(req)
	if err != nil || resp == nil || resp.StatusCode != http.StatusTooManyRequests || req.GetBody == nil {
		return resp, err
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	wait := time.Duration(seconds) * time.Second
	until, limited := req.Context().Deadline()
	if err != nil || seconds < 0 || seconds > maxRetryAfter || limited && time.Until(until) <= wait {
		return resp, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return resp, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-req.Context().Done():
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be reused
	resp.Body.Close()
	again := req.Clone(req.Context())
	again.Body = body
	return p.next.RoundTrip(again)
}
