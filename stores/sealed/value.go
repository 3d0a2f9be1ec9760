package sealed

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
)

// A sealed value consists of the mark, the version, the key ID and base64.
const (
	mark      = "sealed:"
	versionV1 = "v1"
)

// secrets returns the fields that are sealed, with the names that are
// authenticated.
func secrets(c *connect.Credential) []secret {
	return []secret{
		{"AccessToken", &c.AccessToken, true}, // sealed even if empty, so that every credential has a seal
		{"RefreshToken", &c.RefreshToken, false},
		{"TokenSecret", &c.TokenSecret, false},
	}
}

type secret struct {
	name   string
	value  *connect.Secret
	always bool
}

// seal returns the credential with its secrets sealed with the first key.
func (s *Store) seal(key connect.Key, c connect.Credential) connect.Credential {
	for _, field := range secrets(&c) {
		if !field.always && *field.value == "" {
			continue
		}
		plain := []byte(field.value.Reveal())
		box := s.ciphers[s.first].Seal(nil, nil, plain, bound(s.first, key, field.name))
		*field.value = connect.Secret(mark + versionV1 + ":" + s.first + ":" + base64.RawURLEncoding.EncodeToString(box))
	}
	return c
}

// open returns the credential with its secrets opened. After an error it
// returns an empty credential.
func (s *Store) open(key connect.Key, c connect.Credential) (connect.Credential, error) {
	for _, field := range secrets(&c) {
		if !field.always && *field.value == "" {
			continue
		}
		plain, err := s.openValue(key, field.name, field.value.Reveal())
		if err != nil {
			return connect.Credential{}, err
		}
		*field.value = connect.Secret(plain)
	}
	return c, nil
}

func (s *Store) openValue(key connect.Key, name, value string) (string, error) {
	rest, ok := strings.CutPrefix(value, mark)
	if !ok {
		if s.plain {
			return value, nil
		}
		return "", fmt.Errorf("%w: %s", ErrNotSealed, name)
	}
	version, rest, _ := strings.Cut(rest, ":")
	keyID, encoded, ok := strings.Cut(rest, ":")
	if version != versionV1 || !ok {
		return "", fmt.Errorf("%w: %s is of a form that is not known here", ErrNotSealed, name)
	}
	aead, ok := s.ciphers[keyID]
	if !ok {
		return "", fmt.Errorf("%w: %s was sealed with the key %q", ErrUnknownKey, name, clip(keyID))
	}
	box, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("%w: %s, with the key %q", ErrNotOpened, name, keyID)
	}
	plain, err := aead.Open(nil, nil, box, bound(keyID, key, name))
	if err != nil {
		return "", fmt.Errorf("%w: %s, with the key %q", ErrNotOpened, name, keyID)
	}
	return string(plain), nil
}

// current reports whether all secrets are sealed with the first key.
func (s *Store) current(c connect.Credential) bool {
	for _, field := range secrets(&c) {
		if !field.always && *field.value == "" {
			continue
		}
		if !strings.HasPrefix(field.value.Reveal(), mark+versionV1+":"+s.first+":") {
			return false
		}
	}
	return true
}

// bound returns the authenticated data of a value. Each part is preceded by its
// length, so that different lists of parts never give the same bytes.
func bound(keyID string, key connect.Key, name string) []byte {
	var b []byte
	for _, part := range []string{"gloebit " + mark + versionV1, keyID, key.Realm, key.ID, name} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}
