// Package reply reads the responses of an API: JSON objects of limited size,
// and the text of everything else, for errors.
package reply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/redact"
)

// longest is the maximum size of a body, in bytes.
const longest = 1 << 20

// Read reads a body to its end, and closes it. The error contains no text of
// the server.
func Read(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, longest+1))
	if err != nil && !isWhole(body) {
		return nil, fmt.Errorf("the body ends too early: %w", redact.Failure(err))
	}
	if len(body) > longest {
		return nil, fmt.Errorf("the body has more than %d bytes", longest)
	}
	return body, nil
}

// isWhole reports whether a body is a JSON object or list to its last bracket. It
// is whole even if the connection broke then.
func isWhole(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) > 0 && (body[0] == '{' || body[0] == '[') && json.Valid(body)
}

// Object reads a JSON object. The error does not quote the body.
func Object(body []byte, v any) error {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return errors.New("the body is empty")
	case !json.Valid(body):
		return errors.New("the body is not JSON")
	case body[0] != '{':
		return errors.New("the body is not a JSON object")
	}
	err := json.Unmarshal(body, v)
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		kind, _, _ := strings.Cut(mistyped.Value, " ") // the rest is the value
		return fmt.Errorf("the member %s is of the type %s", mistyped.Field, kind)
	}
	if err != nil {
		return errors.New("the body is not the expected JSON")
	}
	return nil
}

var (
	unseen = regexp.MustCompile(`(?is)<(head|script|style)\b.*?</(head|script|style)>|<!--.*?-->`)
	tag    = regexp.MustCompile(`(?s)<[^>]*>`)
)

// Text returns at most 200 bytes of the text of a body, without the secrets: a
// JSON string, plain text, or the text of an HTML page. For other JSON it
// returns "".
func Text[S ~string](body []byte, secrets ...S) string {
	var text string
	switch body = bytes.TrimSpace(body); {
	case len(body) > 0 && body[0] == '<':
		text = unseen.ReplaceAllString(string(body), " ")
		text = html.UnescapeString(tag.ReplaceAllString(text, " "))
	case json.Unmarshal(body, &text) == nil, json.Valid(body): // text is empty unless the value is a string
	default:
		text = string(body)
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return redact.Text(strings.Join(strings.Fields(text), " "), secrets...)
}

// Failed returns why a request failed that was sent with the client of a
// [connect.Account]: an error of package connect as it is, and everything else
// as [connect.ErrUnavailable], without the URL and without text of the server.
func Failed(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	if _, ok := connect.FindRefusal(err, connect.Refusals()); ok {
		return err
	}
	return fmt.Errorf("%w: %w", connect.ErrUnavailable, redact.Failure(err))
}
