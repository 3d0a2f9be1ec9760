package connect

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

const nonceLength = 43 // characters of base64 without padding for 256 bits

// newNonce returns 256 random bits for a state, a browser's binding or an id.
func newNonce() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand crashes the program instead
	return encode(b)
}

// hash returns what stores get instead of a nonce: the hash of it, or of
// several parts that include a nonce.
func hash(parts ...string) string { return encode(sum(parts...)) }

func sum(parts ...string) [sha256.Size]byte {
	var short [128]byte // on the stack, as what is hashed here is short
	message := short[:0]
	for _, part := range parts {
		message = append(message, part...)
	}
	return sha256.Sum256(message)
}

// encode writes 256 bits as nonceLength characters.
func encode(b [32]byte) string {
	var text [nonceLength]byte
	base64.RawURLEncoding.Encode(text[:], b[:])
	return string(text[:])
}

func equalInConstantTime(secret, guess string) bool {
	return subtle.ConstantTimeCompare([]byte(secret), []byte(guess)) == 1
}
