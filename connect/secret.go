package connect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/go-gloebit/gloebit/internal/redact"
)

const redacted = redact.Redacted

// Secret is a string that must not be shown: a client secret, an access token,
// a refresh token, a PKCE code verifier. It shows as "[redacted]" under every
// verb of package fmt except %p, in JSON, in text encodings and in logs; only
// [Secret.Reveal] gives the value. The zero value is the empty secret. Don't
// use a Secret as a map key: encoding/json ignores the methods of string keys
// and writes the text.
//
// Package fmt can't call the methods of a Secret in an unexported field of a
// printed struct. With a verb for text, such as %s, it also prints the secrets
// of a struct behind a pointer within the printed value; go vet reports such a
// verb. Give a type that keeps a Secret in an unexported field its own Format
// method.
type Secret string

// Reveal returns the secret itself, for sending or storing it.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]", for %#v.
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON returns "[redacted]" as a JSON string. A store that keeps a
// credential as JSON calls [Secret.Reveal] for what it writes.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// UnmarshalJSON reads a JSON string. It returns an error for "[redacted]",
// because a credential that was stored with MarshalJSON has lost its tokens.
func (s *Secret) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return errors.New("a secret is not a JSON string") // the decoder's error may quote it
	}
	return s.UnmarshalText([]byte(text))
}

// UnmarshalText reads a text. Like UnmarshalJSON, it returns an error for
// "[redacted]".
func (s *Secret) UnmarshalText(b []byte) error {
	if string(b) == redacted {
		return errors.New("a secret was stored as " + redacted + ": store what Reveal returns")
	}
	*s = Secret(b)
	return nil
}

// MarshalText returns "[redacted]", for text encodings other than JSON.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]", for package log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
