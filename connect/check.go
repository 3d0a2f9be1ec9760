package connect

import (
	"fmt"
	"strings"
	"time"
)

const maxValue = 256 << 10 // bytes of a credential or a pending connection

// Check returns an ErrInvalidRequest if a string of the credential is not UTF-8
// or contains a NUL, if its strings exceed 256 KiB in total, if a time is
// outside the years 1 to 9999, or if a scope is empty or contains a space,
// which separates scopes in a list (RFC 6749 section 3.3). A [TokenStore] must
// be able to keep any other credential. The Connector checks every credential
// before a TokenStore saves it.
func (c Credential) Check() error {
	text := []string{c.AccessToken.Reveal(), c.RefreshToken.Reveal(), c.TokenSecret.Reveal(), c.Subject, c.Name}
	times := []time.Time{c.TokenExpiry, c.ConnectedAt, c.ExpiresAt}
	return checkValue("credential", text, times, c.Scopes)
}

// Check returns an ErrInvalidRequest if the pending connection breaks a rule of
// [Credential.Check]. A [StateStore] must be able to keep any other pending
// connection. The Connector checks each before a StateStore keeps it.
func (p PendingConnection) Check() error {
	text := []string{p.UserID, p.Secret.Reveal(), p.ReturnTo, p.BrowserHash}
	return checkValue("pending connection", text, []time.Time{p.ExpiresAt}, p.Scopes, p.RequiredScopes)
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
	if size > maxValue {
		return fmt.Errorf("%w: the %s is of %d bytes, more than %d", ErrInvalidRequest, what, size, maxValue)
	}
	return nil
}
