package sealed_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/stretchr/testify/require"
)

func TestInvalidKeysAreRefused(t *testing.T) {
	good := keyOf("good", 1)
	for name, test := range map[string]struct {
		keys []sealed.Key
		want string
	}{
		"none":                {nil, "no key was given: make one with"},
		"no id":               {[]sealed.Key{keyOf("", 1)}, "key id"},
		"an id with a colon":  {[]sealed.Key{keyOf("a:b", 1)}, "key id"},
		"an id with a space":  {[]sealed.Key{keyOf("a b", 1)}, "key id"},
		"an id not of ASCII":  {[]sealed.Key{keyOf("\u00e9", 1)}, "key id"},
		"a long id":           {[]sealed.Key{keyOf(strings.Repeat("k", 65), 1)}, "key id"},
		"no secret":           {[]sealed.Key{{ID: "k"}}, "0 bytes"},
		"a short secret":      {[]sealed.Key{{ID: "k", Secret: "a password"}}, "10 bytes"},
		"a key of AES-128":    {[]sealed.Key{{ID: "k", Secret: good.Secret[:16]}}, "16 bytes"},
		"a long secret":       {[]sealed.Key{{ID: "k", Secret: good.Secret + "x"}}, "33 bytes"},
		"zeros":               {[]sealed.Key{{ID: "k", Secret: connect.Secret(make([]byte, 32))}}, "over and over"},
		"the second is empty": {[]sealed.Key{good, {ID: "k"}}, "0 bytes"},
		"one id twice":        {[]sealed.Key{good, keyOf("good", 2)}, "two keys"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sealed.New(&connect.MemoryTokenStore{}, test.keys...)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := sealed.New(nil, good)
	require.ErrorContains(t, err, "nil")
	_, err = sealed.New(
		&connect.MemoryTokenStore{}, keyOf(strings.Repeat("k", 64), 1),
		sealed.Key{ID: "A.z-0_9", Secret: connect.Secret(strings.Repeat("\xfe\xff", 16))},
	)
	require.NoError(t, err)
}

func TestParseKeysAcceptsCommonFormats(t *testing.T) {
	// the first has bytes that the alphabets of base64 write differently
	one, two := keyOf("2026-05", 200), keyOf("2026-11", 100)
	std := func(k sealed.Key) string { return base64.StdEncoding.EncodeToString([]byte(k.Secret.Reveal())) }
	url := func(k sealed.Key) string { return base64.RawURLEncoding.EncodeToString([]byte(k.Secret.Reveal())) }
	for name, text := range map[string]string{
		"commas":           "2026-05:" + std(one) + ",2026-11:" + std(two),
		"spaces":           " 2026-05:" + std(one) + "  2026-11:" + std(two) + " ",
		"lines of a file":  "2026-05:" + std(one) + "\r\n2026-11:" + std(two) + "\n",
		"the URL alphabet": "2026-05:" + url(one) + ", 2026-11:" + url(two),
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := sealed.ParseKeys(text)
			require.NoError(t, err)
			require.Equal(t, []sealed.Key{one, two}, keys)
		})
	}
}

func TestParseKeysErrorsHoldNoSecret(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString([]byte(keyOf("k", 1).Secret.Reveal()))
	for name, text := range map[string]string{
		"nothing":       " ,\n",
		"no id":         ":" + secret,
		"no colon":      secret,
		"cut off":       "k:" + secret[:20],
		"not base64":    "k:" + strings.Replace(secret, "A", "!", 1),
		"two colons":    "k:j:" + secret,
		"only an id":    "k:",
		"one bit extra": "k:" + secret[:len(secret)-2] + "9=",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sealed.ParseKeys(text)
			require.Error(t, err)
			require.NotContains(t, err.Error(), secret[:8])
		})
	}
}

func TestAKeyPrintsNoSecret(t *testing.T) {
	key := sealed.Key{ID: "k", Secret: connect.Secret(strings.Repeat("canary--", 4))}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		require.NotContains(t, fmt.Sprintf(verb, key), "canary")
		require.NotContains(t, fmt.Sprintf(verb, key), "63616e617279")
	}
}
