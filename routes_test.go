package gloebit_test

import (
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func TestRoutes(t *testing.T) {
	for path, want := range map[string][]string{
		"/callback":         {"/connect", "/callback", "/disconnect"},
		"/gloebit/callback": {"/gloebit/connect", "/gloebit/callback", "/gloebit/disconnect"},
		"/shop/gloebit/return": {
			"/shop/gloebit/connect", "/shop/gloebit/return", "/shop/gloebit/disconnect",
			"/gloebit/connect", "/gloebit/return", "/gloebit/disconnect",
		},
		"/a/hat%20shop/pay/callback": {
			"/a/hat shop/pay/connect", "/a/hat shop/pay/callback", "/a/hat shop/pay/disconnect",
			"/hat shop/pay/connect", "/hat shop/pay/callback", "/hat shop/pay/disconnect",
			"/pay/connect", "/pay/callback", "/pay/disconnect",
		},
	} {
		t.Run(path, func(t *testing.T) {
			m, err := gloebit.New(gloebit.Config{
				ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox(),
				RedirectURL: "https://shop.example" + path,
			})
			require.NoError(t, err)
			require.Equal(t, want, m.Routes())
		})
	}
}
