package blotre

import (
	"errors"
	"strings"
	"unicode"

	"github.com/go-gloebit/gloebit/connect"
)

// NormalizeURI returns the URI of a stream as Blot're compares it: trimmed, in
// lower case, with + for a space. It percent-encodes all characters except
// letters, digits, slashes and most punctuation; it encodes %, too.
func NormalizeURI(uri string) string {
	const upper = "0123456789ABCDEF"
	const plain = "_.-~@#$&()*!+=:),.?/'"
	var normal strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(uri)) {
		switch {
		case unicode.IsSpace(r):
			normal.WriteByte('+')
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune(plain, r):
			normal.WriteRune(r)
		default:
			for _, b := range []byte(string(r)) {
				normal.WriteString(string([]byte{'%', upper[b>>4], upper[b&15]}))
			}
		}
	}
	return normal.String()
}

// JoinURI normalizes each part and joins them with slashes.
func JoinURI(parts ...string) string {
	normal := make([]string, len(parts))
	for i, part := range parts {
		normal[i] = NormalizeURI(part)
	}
	return strings.Join(normal, "/")
}

// sameTag reports whether Blot're treats two tags as equal.
func sameTag(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

func isNotFound(err error) bool { return errors.Is(err, connect.ErrNotFound) }
