package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
)

// Key is an AES-256 key and its name.
type Key struct {
	// ID names the key in sealed values and in errors. It has 1 to 64 letters,
	// digits, dots, hyphens and underscores. It is not secret. Never reuse it
	// for another key.
	ID string
	// Secret is the key itself: 32 random bytes, not a password.
	Secret connect.Secret
}

const (
	keySize = 32
	maxID   = 64
)

// ParseKeys parses keys of the form ID:BASE64, separated by commas, spaces or
// newlines, for example from an environment variable or a file. BASE64 is the
// standard or URL-safe encoding of 32 random bytes, with or without padding,
// such as "openssl rand -base64 32" prints. The error never contains a secret.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for i, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		id, encoded, ok := strings.Cut(part, ":")
		if !ok {
			return nil, fmt.Errorf("sealed: key %d of the list is not of the form ID:BASE64", i+1)
		}
		secret, err := decodeKey(encoded)
		if err != nil {
			return nil, fmt.Errorf("sealed: the key %q is not base64", clip(id))
		}
		key := Key{ID: id, Secret: connect.Secret(secret)}
		if err := key.check(); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errNoKeys
	}
	return keys, nil
}

func decodeKey(encoded string) ([]byte, error) {
	encoded = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(encoded, "="))
	return base64.RawURLEncoding.Strict().DecodeString(encoded)
}

var errNoKeys = errors.New(`sealed: no key was given: make one with: echo "2026-11:$(openssl rand -base64 32)"`)

func (k Key) check() error {
	if !validID(k.ID) {
		return fmt.Errorf(
			"sealed: the key id %q is not of 1 to %d letters, digits, dots, hyphens and underscores", clip(k.ID), maxID,
		)
	}
	if len(k.Secret) != keySize {
		return fmt.Errorf(
			"sealed: the key %q is of %d bytes, want %d: make one with: openssl rand -base64 32", k.ID, len(k.Secret), keySize,
		)
	}
	if secret := k.Secret.Reveal(); strings.Count(secret, secret[:1]) == keySize {
		return fmt.Errorf("sealed: the key %q is one byte over and over, want random bytes", k.ID)
	}
	return nil
}

func validID(id string) bool {
	for _, c := range []byte(id) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return 0 < len(id) && len(id) <= maxID
}

// cipher returns AES-256-GCM with a random nonce before each sealed value.
func (k Key) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher([]byte(k.Secret.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("sealed: the key %q: %w", k.ID, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("sealed: the key %q: %w", k.ID, err)
	}
	return aead, nil
}

// clip shortens an untrusted text for an error.
func clip(s string) string { return s[:min(len(s), maxID)] }
