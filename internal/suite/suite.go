// Package suite is shared by the test suites for stores.
package suite

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// The timeouts of a case.
const (
	Patience = 30 * time.Second       // for what must happen
	AMoment  = 100 * time.Millisecond // for what must not happen
)

// OddKeys are distinct UTF-8 strings without a NUL. A store may confuse some of
// them.
var OddKeys = []string{
	"a", "A", "b", "a ", " a", "a\t", "a\n", " ", "  ",
	"\u00e9", "e\u0301", "e", "E", "\u00c9", "\u00df", "ss", "i", "I", "\u0130", "\u0131", "\u4e16\u754c", "\U0001F600",
	"\U0001F601",
	"'", "''", `"`, "`", `\`, `\\`, "'; DROP TABLE oauth_credentials; --", "%", "_", "a%", "?", "$1", ":a", "@a",
	"{a}", "{b}", "{a}b", "a{b}", "a}b", "a:b", "a:b:c", "*", "[a]", "a/b", "../a", ".", "..", "a,b", "a b", "a+b",
	"a%20b",
	"null", "NULL", "0", "00", "1", "1.0", "true", "0x61", "YQ==", "61", `\x61`,
	"\ufffd", "\ufffd\ufffd", "\ufeffa", "\x7f", "\u0080", "\x01", "\u2028", "\u202ea",
	strings.Repeat("k", 255), strings.Repeat("k", 254), strings.Repeat("k", 254) + "K", strings.Repeat("k", 254) + " ",
	strings.Repeat("\u00e9", 127), strings.Repeat("\u00e9", 127) + "e", strings.Repeat("'", 255),
}

// InTime returns a context with a timeout for calls that must not hang.
func InTime(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Ended returns a context that has ended.
func Ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// WantError fails unless the error is the expected one.
func WantError(t *testing.T, doing string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s returned the error %v, want one that is %v", doing, err, want)
	}
}

// WantDone waits for an error from a goroutine and fails unless it is nil.
func WantDone(t *testing.T, doing string, finished <-chan error) {
	t.Helper()
	select {
	case err := <-finished:
		if err != nil {
			t.Fatalf("%s: %v", doing, err)
		}
	case <-time.After(Patience):
		t.Fatalf("%s did not return in %v", doing, Patience)
	}
}

// Clip shortens a value for a message. The suites store no real secret.
func Clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
