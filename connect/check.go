package connect

import (
	"fmt"
	"strings"
	"time"
)

const largestValue = 256 << 10 // bytes of a credential, or of a pending connection

// Check returns an error that is ErrInvalidRequest when the credential is not
// what a store has to keep: a string is not UTF-8 or has a NUL in it, its strings
// are of more than 256 KiB together, a time is not of the years 1 to 9999, or a
// scope is empty or has a space in it, so that no list separated by spaces (RFC
// 6749 section 3.3) could hold it. The Connector checks what a [TokenStore] is to
// save.
func (c Credential) Check() error {
	text := []string{c.AccessToken.Reveal(), c.RefreshToken.Reveal(), c.TokenSecret.Reveal(), c.Subject, c.Name}
	times := []time.Time{c.Expiry, c.ConnectedAt, c.Until}
	return checkValue("credential", text, times, c.Scopes)
}

// Check returns an error that is ErrInvalidRequest when the pending connection
// is not what a store has to keep, as with [Credential.Check]. The Connector
// checks what a [StateStore] is to keep.
func (p PendingConnection) Check() error {
	text := []string{p.UserID, p.Verifier.Reveal(), p.ReturnTo, p.Binding}
	return checkValue("pending connection", text, []time.Time{p.ExpiresAt}, p.Scopes, p.Required)
}

func checkValue(what string, text []string, times []time.Time, lists ...[]Scope) error {
	size := 0
	for _, list := range lists {
		for _, scope := range list {
			if scope == "" || strings.Contains(string(scope), " ") || !isText(string(scope)) {
				return fmt.Errorf("%w: a scope of the %s is empty or not text, or has a space in it", ErrInvalidRequest, what)
			}
			size += len(scope) + 1
		}
	}
	for _, s := range text {
		if !isText(s) {
			return fmt.Errorf("%w: a string of the %s is not UTF-8, or has a NUL in it", ErrInvalidRequest, what)
		}
		size += len(s)
	}
	for _, t := range times {
		if year := t.UTC().Year(); year < 1 || year > 9999 {
			return fmt.Errorf("%w: a time of the %s is of the year %d", ErrInvalidRequest, what, year)
		}
	}
	if size > largestValue {
		return fmt.Errorf("%w: the %s is of %d bytes, more than %d", ErrInvalidRequest, what, size, largestValue)
	}
	return nil
}
