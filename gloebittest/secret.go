package gloebittest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// digest is the lookup key of a token or a code. The time of a lookup by digest
// reveals nothing about the secret.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// equalSecrets compares in a time that depends neither on where the secrets
// differ nor on the difference of their lengths.
func equalSecrets(a, b string) bool {
	x, y := digestOf(a), digestOf(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// s256 is the PKCE challenge of a verifier (RFC 7636, section 4.6).
func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
