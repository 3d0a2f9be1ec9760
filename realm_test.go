package gloebit_test

import (
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

func TestMerchantRealm(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*gloebit.Config)
		want   string
	}{
		"production":  {func(c *gloebit.Config) { c.Provider = gloebit.Production() }, "www.gloebit.com/shop"},
		"the sandbox": {func(c *gloebit.Config) { c.Provider = gloebit.Sandbox() }, "sandbox.gloebit.com/shop"},
		"a name, in production": {
			func(c *gloebit.Config) { c.Realm, c.Provider = "old", gloebit.Production() }, "www.gloebit.com/old",
		},
		"a name, in the sandbox": {
			func(c *gloebit.Config) { c.Realm, c.Provider = "old", gloebit.Sandbox() }, "sandbox.gloebit.com/old",
		},
		"a server on this machine": {
			func(c *gloebit.Config) { c.Provider = gloebit.ProviderAt("http://127.0.0.1:8080") }, "127.0.0.1:8080/shop",
		},
		"a name in another script":  {func(c *gloebit.Config) { c.Realm = "\u5e97 1" }, "sandbox.gloebit.com/\u5e97 1"},
		"a name that is too long":   {func(c *gloebit.Config) { c.Realm = strings.Repeat("r", 128) }, ""},
		"a name with a newline":     {func(c *gloebit.Config) { c.Realm = "a\nb" }, ""},
		"a name that is not UTF-8":  {func(c *gloebit.Config) { c.Realm = "\xff" }, ""},
		"a client id with a NUL":    {func(c *gloebit.Config) { c.ClientID = "a\x00" }, ""},
		"a long client id, no name": {func(c *gloebit.Config) { c.ClientID = strings.Repeat("c", 128) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			config.ClientID, config.Provider = "shop", gloebit.Sandbox()
			c.change(&config)
			merchant, err := gloebit.New(config)
			if c.want == "" {
				require.ErrorContains(t, err, "Config.Realm")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, merchant.Realm())
		})
	}
}

func TestRealmOutlivesTheClientID(t *testing.T) {
	config := validConfig()
	config.ClientID, config.Tokens = "old", &gloebit.MemoryTokenStore{}
	before, err := gloebit.New(config)
	require.NoError(t, err)
	require.NoError(
		t, config.Tokens.Update(t.Context(), keyOf(before, "u"), save(connect.Credential{AccessToken: canaryToken})),
	)

	config.ClientID = "new"
	forgetful, err := gloebit.New(config)
	require.NoError(t, err)
	_, err = forgetful.Client(t.Context(), "u")
	require.ErrorIs(t, err, gloebit.ErrNotConnected, "another client is another realm")
	config.Realm = "old"
	after, err := gloebit.New(config)
	require.NoError(t, err)
	client, err := after.Client(t.Context(), "u")
	require.NoError(t, err)
	require.Equal(t, "u", client.User().ID)
	_, err = before.Client(t.Context(), "u")
	require.NoError(t, err, "it was not removed")
}
