package mount_test

import (
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/mount"
	"github.com/stretchr/testify/require"
)

func TestDirectoriesAreTheTailsOfTheRedirectURLs(t *testing.T) {
	for path, want := range map[string][]string{
		"/callback":                  {"/"},
		"/gloebit/callback":          {"/gloebit"},
		"/shop/gloebit/return":       {"/shop/gloebit", "/gloebit"},
		"/a/hat%20shop/pay/callback": {"/a/hat shop/pay", "/hat shop/pay", "/pay"},
	} {
		m, err := gloebit.New(gloebit.Config{
			ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox(), RedirectURL: "https://shop.example" + path,
		})
		require.NoError(t, err)
		require.Equal(t, want, mount.Directories(m))
	}
}
