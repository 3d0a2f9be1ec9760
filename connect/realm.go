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
	longestRealm = 128 // bytes
	longestID    = 255 // bytes of a user id, or of a state's hash
)

// Key is what a store keeps a record under: an id, and the realm that it belongs
// to. The same id in two realms is two records, and neither is ever returned,
// changed, locked or removed for the other. So merchants, and the sandbox and
// the real server, can share a store.
//
// Keys that differ in any byte, also in the case of a letter, are different keys.
// Neither field holds a NUL, so that "realm, NUL, id" names one key alone.
type Key struct {
	Realm string // see [Connector.Realm]
	ID    string // of a user in a TokenStore; the hash of a state in a StateStore
}

// Check returns an error that is ErrInvalidRequest unless a store can keep a
// record under the key: the realm is of 1 to 128 bytes of printable UTF-8, and
// the id of 1 to 255 bytes of UTF-8 without a NUL. The Connector checks every
// key before it calls a store.
func (k Key) Check() error {
	if problem := problemOfRealm(k.Realm); problem != "" {
		return fmt.Errorf("%w: the realm %s", ErrInvalidRequest, problem)
	}
	return k.checkID()
}

// checkID is Check for a key of the Connector's, whose realm [New] has checked.
func (k Key) checkID() error {
	switch {
	case k.ID == "":
		return fmt.Errorf("%w: the id is empty", ErrInvalidRequest)
	case len(k.ID) > longestID:
		return fmt.Errorf("%w: the id is of %d bytes, more than %d", ErrInvalidRequest, len(k.ID), longestID)
	case !isText(k.ID):
		return fmt.Errorf("%w: the id %q is not UTF-8, or has a NUL in it", ErrInvalidRequest, k.ID)
	}
	return nil
}

// problemOfRealm says why a realm can't be used, and nothing when it can.
func problemOfRealm(realm string) string {
	switch {
	case realm == "":
		return "is empty"
	case len(realm) > longestRealm:
		return fmt.Sprintf("is of %d bytes, more than %d", len(realm), longestRealm)
	case !utf8.ValidString(realm) || strings.ContainsFunc(realm, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Sprintf("%q is not printable text", realm)
	}
	return ""
}

// isText reports whether any database can keep the string as text.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Realm returns the realm of everything that the Connector keeps in a store: the
// host and port of the token endpoint, a slash, and Config.Realm, which is the
// client id unless set.
func (c *Connector) Realm() string { return c.realm }

// key is what the Connector keeps a record under.
func (c *Connector) key(id string) Key { return Key{c.realm, id} }

// realm is that of a Connector with the token endpoint.
func (c Config) realm(token *url.URL) string {
	_, host, _ := strings.Cut(originOf(token), "://")
	return host + "/" + cmp.Or(c.Realm, c.ClientID)
}
