package connect

import (
	"fmt"
	"strings"
)

const largestValue = 256 << 10 // bytes of a credential, or of a pending connection

// Check returns an error that is ErrInvalidRequest when the credential is more
// than a store has to keep: its strings are of more than 256 KiB together, or a
// scope is empty or has a space in it, so that no list separated by spaces (RFC
// 6749 section 3.3) could hold it. The Connector checks what a [TokenStore] is to
// save.
func (c Credential) Check() error {
	size := len(c.AccessToken) + len(c.RefreshToken) + len(c.TokenSecret) + len(c.Subject) + len(c.Name)
	return checkValue("credential", size, c.Scopes)
}

// Check returns an error that is ErrInvalidRequest when the pending connection
// is more than a store has to keep, as with [Credential.Check]. The Connector
// checks what a [StateStore] is to keep.
func (p PendingConnection) Check() error {
	size := len(p.UserID) + len(p.Verifier) + len(p.ReturnTo) + len(p.Binding)
	return checkValue("pending connection", size, p.Scopes, p.Required)
}

func checkValue(what string, size int, lists ...[]Scope) error {
	for _, list := range lists {
		for _, scope := range list {
			if scope == "" || strings.Contains(string(scope), " ") {
				return fmt.Errorf("%w: a scope of the %s is empty or has a space in it", ErrInvalidRequest, what)
			}
			size += len(scope) + 1
		}
	}
	if size > largestValue {
		return fmt.Errorf("%w: the %s is of %d bytes, more than %d", ErrInvalidRequest, what, size, largestValue)
	}
	return nil
}
