package connect_test

import (
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

const realm = "www.gloebit.com/shop"

// at is the key of an id in the realm.
func at(id string) connect.Key { return connect.Key{Realm: realm, ID: id} }

func TestInvalidKeys(t *testing.T) {
	for name, c := range map[string]struct {
		key connect.Key
		ok  bool
	}{
		"plain":                     {at("alice"), true},
		"any text":                  {at("\u4e16 'x'\t\n\u202e;--"), true},
		"an id of 255 bytes":        {at(strings.Repeat("k", 255)), true},
		"an empty id":               {at(""), false},
		"an id of 256 bytes":        {at(strings.Repeat("k", 256)), false},
		"an id with a NUL":          {at("a\x00"), false},
		"an id that is not UTF-8":   {at("\xff"), false},
		"a surrogate in the id":     {at("\xed\xa0\x80"), false},
		"an empty realm":            {connect.Key{ID: "u"}, false},
		"a realm of 128 bytes":      {connect.Key{Realm: strings.Repeat("r", 128), ID: "u"}, true},
		"a realm of 129 bytes":      {connect.Key{Realm: strings.Repeat("r", 129), ID: "u"}, false},
		"a realm in another script": {connect.Key{Realm: "www.gloebit.com/\u5e97 1", ID: "u"}, true},
		"a realm with a newline":    {connect.Key{Realm: "a\nb", ID: "u"}, false},
		"a realm with a NUL":        {connect.Key{Realm: "a\x00", ID: "u"}, false},
		"a realm that turns text":   {connect.Key{Realm: "a\u202eb", ID: "u"}, false},
		"a realm that is not UTF-8": {connect.Key{Realm: "a\xff", ID: "u"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.key.Check()
			require.Equal(t, c.ok, err == nil, "%v", err)
			if !c.ok {
				require.ErrorIs(t, err, connect.ErrInvalidRequest)
			}
		})
	}
}

func TestRealmIsTheServersAddressAndTheName(t *testing.T) {
	for name, c := range map[string]struct {
		tokenURL, clientID, realm, want string
	}{
		"the client id":            {"https://www.example.com/token", "shop", "", "www.example.com/shop"},
		"Config.Realm":             {"https://www.example.com/token", "shop", "old", "www.example.com/old"},
		"upper case in the host":   {"https://WWW.Example.com/token", "Shop", "", "www.example.com/Shop"},
		"the default port":         {"https://www.example.com:443/token", "shop", "", "www.example.com/shop"},
		"another port":             {"https://www.example.com:8443/token", "shop", "", "www.example.com:8443/shop"},
		"http on its default port": {"http://127.0.0.1:80/token", "shop", "", "127.0.0.1/shop"},
		"http on 443":              {"http://127.0.0.1:443/token", "shop", "", "127.0.0.1:443/shop"},
		"IPv6":                     {"http://[::1]:8080/token", "shop", "", "[::1]:8080/shop"},
		"IPv6 on its default port": {"https://[2001:DB8::1]:443/token", "shop", "", "[2001:db8::1]/shop"},
		"a slash in the name":      {"https://www.example.com/token", "shop", "b/c", "www.example.com/b/c"},
	} {
		t.Run(name, func(t *testing.T) {
			config := realmConfig(c.tokenURL, c.clientID, c.realm)
			connector, err := connect.New(config)
			require.NoError(t, err)
			require.Equal(t, c.want, connector.Realm())
		})
	}
}

func TestNewRejectsInvalidRealms(t *testing.T) {
	for name, c := range map[string]struct{ clientID, realm string }{
		"too long":                     {"shop", strings.Repeat("r", 128)},
		"a client id that is too long": {strings.Repeat("c", 128), ""},
		"a newline":                    {"shop", "a\nb"},
		"a client id with a newline":   {"shop\n", ""},
		"a NUL":                        {"shop", "\x00"},
		"not UTF-8":                    {"shop", "\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := connect.New(realmConfig("https://www.example.com/token", c.clientID, c.realm))
			require.ErrorContains(t, err, "Config.Realm")
		})
	}
	t.Run("a name that is set for a client id that can't be one", func(t *testing.T) {
		_, err := connect.New(realmConfig("https://www.example.com/token", strings.Repeat("c", 200), "shop"))
		require.NoError(t, err)
	})
}

func realmConfig(tokenURL, clientID, realm string) connect.Config {
	return connect.Config{
		Server: connect.Server{
			Name:     "Example",
			Endpoint: oauth2.Endpoint{AuthURL: "https://www.example.com/authorize", TokenURL: tokenURL},
		},
		ClientID: clientID, ClientSecret: "secret", Realm: realm, RedirectURL: "https://shop.example/oauth/callback",
	}
}
