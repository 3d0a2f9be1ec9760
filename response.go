package gloebit

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/redact"
)

// envelope holds the members of every response.
type envelope struct {
	Success *bool        `json:"success"`
	Reason  optionalText `json:"reason"`
	Status  optionalText `json:"status"`
}

// succeeded reports whether success is true.
func (e envelope) succeeded() bool { return e.Success != nil && *e.Success }

// optionalText is an optional string of an answer. A value of another type
// counts as absent, because it does not undo a success.
type optionalText struct {
	text string
	odd  bool // the value is of another type
}

func (t *optionalText) UnmarshalJSON(b []byte) error {
	t.odd = json.Unmarshal(b, &t.text) != nil
	return nil
}

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

// read returns the body of a successful response, or an error. It removes
// secrets after decoding texts, because JSON can encode a text in many ways.
func (c *Client) read(call call, resp *http.Response, body []byte, sent *connect.Credential) ([]byte, error) {
	var reply envelope
	tooLong := len(body) > maxReply
	body = bytes.TrimPrefix(body, []byte(byteOrderMark))
	unreadable := json.Unmarshal(body, &reply) != nil || !reply.succeeded() && (reply.Reason.odd || reply.Status.odd)
	if call.bare && resp.StatusCode == http.StatusOK && reply.Success == nil && reply.Reason.text == "" {
		reply.Success = new(true)
	}
	if !unreadable && resp.StatusCode == http.StatusOK && !tooLong && reply.succeeded() {
		return body, nil
	}
	failure := &APIError{Call: call.name, StatusCode: resp.StatusCode, Scope: call.scope}
	if unreadable {
		reply.Status.text, reply.Reason.text = "", oauthProblem(resp.Header, body)
	}
	failure.Reason, failure.Status = c.words(reply.Reason.text, sent, call.secrets...),
		c.words(reply.Status.text, sent, call.secrets...)
	if resp.StatusCode != http.StatusOK {
		failure.readStatus(resp, reply.succeeded())
		return nil, failure
	}
	switch {
	case tooLong:
		return nil, badReply(call.name, "longer than 1 MiB")
	case unreadable && !json.Valid(body):
		return nil, badReply(call.name, "not JSON")
	case unreadable:
		return nil, badReply(call.name, "not a JSON object with success, reason and status of the documented types")
	case reply.Success == nil:
		return nil, badReply(call.name, "without success")
	}
	if call.failed != nil {
		_ = json.Unmarshal(body, call.failed) // members that can't be decoded stay unset
	}
	failure.causes = failuresOf(failure.Status, failure.Reason)
	failure.RetryAfter = retryAfter(resp.Header)
	failure.transient = failure.asksRetry()
	return nil, failure
}

// readStatus sets the meaning of an HTTP status other than 200. A reason in the
// body takes precedence over the status, unless it reports success.
func (e *APIError) readStatus(resp *http.Response, success bool) {
	e.RetryAfter = retryAfter(resp.Header)
	reasons := failuresOf(e.Status, e.Reason)
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		e.causes, e.transient = []error{ErrRateLimited}, true
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		e.causes, e.transient = []error{ErrUnavailable}, true
	case status < 300 || success:
		e.causes = []error{ErrInvalidResponse, errStatus}
	case status < 400:
		e.causes = []error{ErrInvalidResponse, errRedirect}
	case status == http.StatusUnauthorized && slices.Contains(reasons, ErrRefused) &&
		connect.SaysInvalidToken(resp.Header): // RFC 6750 section 3.1
		e.causes = []error{ErrTokenExpired, ErrNotConnected}
	default:
		e.causes = reasons
		e.transient = e.asksRetry()
	}
}

// asksRetry reports whether the reason asks the client to retry later.
func (e *APIError) asksRetry() bool {
	return outcomeOf("", e).row().again || e.saysCreated()
}

// oauthProblem returns the oauth_problem of a refused OAuth 1.0a call, from a
// form body or from WWW-Authenticate, or "".
func oauthProblem(h http.Header, body []byte) string {
	if form, err := url.ParseQuery(
		strings.TrimSpace(string(body)),
	); err == nil && len(body) < 4096 && form.Get("oauth_problem") != "" {
		return form.Get("oauth_problem")
	}
	_, problem, _ := strings.Cut(strings.Join(h.Values("WWW-Authenticate"), ","), `oauth_problem="`)
	problem, _, _ = strings.Cut(problem, `"`)
	return problem
}

// retryAfter reads both forms of Retry-After (RFC 9110 section 10.2.3). An
// invalid value counts as a minute, because the server requests some wait. A
// date is compared with the response's own Date, because clocks differ.
func retryAfter(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	const longest = 1e6 * time.Second
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), int(longest/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(h.Get("Date")) // the server's clock
		if err != nil {
			now = time.Now()
		}
		return min(max(at.Sub(now), 0), longest)
	}
	return time.Minute
}

// secrets returns the secrets that the server knows from a call with the
// credential.
func (c *Client) secrets(sent *connect.Credential) []Secret {
	return []Secret{sent.AccessToken, sent.RefreshToken, sent.TokenSecret, c.merchant.config.ClientSecret}
}

// words returns a text of the server without the secrets of the credential and
// those in more.
func (c *Client) words(text string, sent *connect.Credential, more ...Secret) string {
	if text == "" {
		return ""
	}
	return redact.Text(text, append(c.secrets(sent), more...)...)
}

var (
	errCutOff   = errors.New("cut off")
	errRedirect = errors.New("a redirect, which is not followed")
	errStatus   = errors.New("not the status of an answer")
)

// badReply is the error for an invalid response with status 200.
func badReply(name, why string) error {
	return &APIError{Call: name, StatusCode: http.StatusOK, causes: []error{ErrInvalidResponse, errors.New(why)}}
}
