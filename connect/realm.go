package connect

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxRealm = 128 // bytes
	maxID    = 255 // bytes of a user ID or a state's hash
)

// Key is the key of a record in a store: an ID and the realm to which it
// belongs. The same ID in two realms names two records. A store must keep them
// apart: an operation on one never returns, changes, locks or removes the
// other. So merchants can share a store, and so can the sandbox and production.
//
// Keys that differ in any byte, even in the case of a letter, are different
// keys. Neither field contains a NUL, so "realm, NUL, ID" identifies a key.
type Key struct {
	Realm string // see [Connector.Realm]
	ID    string // of a user in a TokenStore; the hash of a state in a StateStore
}

// Check returns an ErrInvalidRequest unless the realm is 1 to 128 bytes of
// printable UTF-8 and the ID is 1 to 255 bytes of UTF-8 without a NUL. The
// Connector checks every key before it calls a store.
func (k Key) Check() error {
	if problem := problemOfRealm(k.Realm); problem != "" {
		return fmt.Errorf("%w: the realm %s", ErrInvalidRequest, problem)
	}
	return k.checkID()
}

// checkID is Check for a key of the Connector. [New] has checked its realm.
func (k Key) checkID() error {
	switch {
	case k.ID == "":
		return fmt.Errorf("%w: the id is empty", ErrInvalidRequest)
	case len(k.ID) > maxID:
		return fmt.Errorf("%w: the id is of %d bytes, more than %d", ErrInvalidRequest, len(k.ID), maxID)
	case !isText(k.ID):
		return fmt.Errorf("%w: the id %q is not UTF-8, or has a NUL in it", ErrInvalidRequest, k.ID)
	}
	return nil
}

// problemOfRealm returns why a realm is invalid, or "".
func problemOfRealm(realm string) string {
	switch {
	case realm == "":
		return "is empty"
	case len(realm) > maxRealm:
		return fmt.Sprintf("is of %d bytes, more than %d", len(realm), maxRealm)
	case !utf8.ValidString(realm) || strings.ContainsFunc(realm, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Sprintf("%q is not printable text", realm)
	}
	return ""
}

// isText reports whether any database can store the string as text.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Realm returns the realm of the Connector's records in a store: the host and
// port of the token endpoint, a slash, and Config.Realm, which defaults to the
// client ID.
func (c *Connector) Realm() string { return c.realm }

// key returns the key of one of the Connector's records.
func (c *Connector) key(id string) Key { return Key{c.realm, id} }

// realm returns the realm of a Connector with the token endpoint.
func (c Config) realm(token *url.URL) string {
	_, host, _ := strings.Cut(originOf(token), "://")
	return host + "/" + cmp.Or(c.Realm, c.ClientID)
}
