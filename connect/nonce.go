package connect

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

const nonceLength = 43 // 256 bits in base64 without padding

// newNonce returns 256 random bits for a state, a browser's binding or an ID.
func newNonce() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails: crypto/rand crashes the program instead
	return encode(b)
}

// hash returns the hash of a nonce, or of parts that include one. Stores get it
// instead of the nonce.
func hash(parts ...string) string { return encode(sum(parts...)) }

func sum(parts ...string) [sha256.Size]byte {
	var short [128]byte // on the stack, for the short inputs here
	message := short[:0]
	for _, part := range parts {
		message = append(message, part...)
	}
	return sha256.Sum256(message)
}

// encode encodes 256 bits as nonceLength characters.
func encode(b [32]byte) string {
	var text [nonceLength]byte
	base64.RawURLEncoding.Encode(text[:], b[:])
	return string(text[:])
}

func equalInConstantTime(secret, guess string) bool {
	return subtle.ConstantTimeCompare([]byte(secret), []byte(guess)) == 1
}
