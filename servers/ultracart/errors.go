package ultracart

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/redact"
	"github.com/go-gloebit/gloebit/internal/reply"
)

const (
	errorHeader    = "UC-REST-ERROR"
	merchantHeader = "UC-REST-ERROR-MERCHANT-ID"
)

// Error is the model Error of UltraCart's API. Every field is optional.
type Error struct {
	DeveloperMessage string `json:"developer_message,omitempty"`
	ErrorCode        string `json:"error_code,omitempty"`
	MoreInfo         string `json:"more_info,omitempty"`
	ObjectID         string `json:"object_id,omitempty"`
	UserMessage      string `json:"user_message,omitempty"`
}

// ErrorResponse is the model ErrorResponse of UltraCart's API. Every field is
// optional.
type ErrorResponse struct {
	Error    *Error         `json:"error,omitempty"`
	Metadata map[string]any `json:"metadata,omitempty"`
	Success  bool           `json:"success"`
	Warning  map[string]any `json:"warning,omitempty"`
}

// APIError is an error response from UltraCart: an unexpected status, a 200
// that contains an error, or an invalid body. It contains no secret.
//
// errors.Is matches it with [connect.ErrAccessDenied] if the user denied
// access; with [connect.ErrTokenExchange] for another error of an OAuth
// endpoint; with [connect.ErrNotConnected] and [connect.ErrTokenRefused] if
// UltraCart refuses the access token; with [connect.ErrUnavailable] if the
// status means that UltraCart failed or is busy; and with
// [connect.ErrInvalidResponse] otherwise.
type APIError struct {
	Status     int           // the HTTP status, which may be 200
	Code       string        // error of an OAuth endpoint, or error_code
	Text       string        // the response's text, or what is wrong with the body
	Details    *Error        // the response's details, if any
	MerchantID string        // the merchant whose limit or setting it is about; may be empty
	RetryAfter time.Duration // when to retry; 0 if UltraCart does not say
}

// Error returns the status and UltraCart's text.
func (e *APIError) Error() string {
	text := fmt.Sprintf("ultracart: status %d", e.Status)
	for _, part := range []string{e.Code, e.Text} {
		if part != "" {
			text += ": " + part
		}
	}
	return text
}

// Unwrap returns the errors of package connect that match it.
func (e *APIError) Unwrap() []error {
	switch {
	case e.Code == "access_denied":
		return []error{connect.ErrAccessDenied}
	case e.Status >= http.StatusInternalServerError, e.Status == http.StatusTooManyRequests:
		return []error{connect.ErrUnavailable}
	case e.Status == http.StatusGone, e.Status == http.StatusUnauthorized && e.Code != "invalid_client":
		return []error{connect.ErrNotConnected, connect.ErrTokenRefused}
	case e.Code != "" && e.Details == nil:
		return []error{connect.ErrTokenExchange}
	}
	return []error{connect.ErrInvalidResponse}
}

// refusal reads an error response, without the secrets that were sent.
func refusal(resp *http.Response, body []byte, secrets ...connect.Secret) *APIError {
	e := &APIError{
		Status:     resp.StatusCode,
		MerchantID: redact.Text(resp.Header.Get(merchantHeader), secrets...),
		RetryAfter: retryAfter(resp.Header),
	}
	var said struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	var code string
	_ = reply.Object(body, &said) // ignores an invalid body
	if json.Unmarshal(said.Error, &code) != nil {
		var details Error
		if reply.Object(said.Error, &details) == nil {
			for _, text := range []*string{
				&details.DeveloperMessage, &details.ErrorCode, &details.MoreInfo, &details.ObjectID, &details.UserMessage,
			} {
				*text = redact.Text(*text, secrets...)
			}
			e.Details, code = &details, details.ErrorCode
		}
	}
	e.Code = redact.Text(code, secrets...)
	e.Text = redact.Text(cmp.Or(resp.Header.Get(errorHeader), said.Description), secrets...)
	if e.Text == "" && e.Details != nil {
		e.Text = cmp.Or(e.Details.UserMessage, e.Details.DeveloperMessage)
	}
	if e.Text == "" && e.Code == "" {
		e.Text = reply.Text(body, secrets...)
	}
	return e
}

// retryAfter reads Retry-After in whole seconds.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseInt(strings.TrimSpace(h.Get("Retry-After")), 10, 32)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
