package docs_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

// newMerchant reads the settings from the environment: pass os.Getenv.
func newMerchant(getenv func(string) string) (*gloebit.Merchant, error) {
	config := gloebit.Config{
		ClientID:     getenv("GLOEBIT_CLIENT_ID"),
		ClientSecret: gloebit.Secret(getenv("GLOEBIT_CLIENT_SECRET")),
		RedirectURL:  getenv("SHOP_URL") + "/gloebit/callback",
		Scopes:       []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact},
		Logger:       slog.Default(),
	}
	switch server := getenv("GLOEBIT_SERVER"); {
	case server == "local": // the command gloebit-sandbox
		config.Provider = gloebit.ProviderAt("http://127.0.0.1:8081")
	case server == "sandbox": // Gloebit's test server
		config.Provider = gloebit.Sandbox()
	case server == "production": // real gloebits
		config.Provider = gloebit.Production()
	case strings.Contains(server, "://"): // another server
		config.Provider = gloebit.ProviderAt(server)
	default:
		return nil, fmt.Errorf("GLOEBIT_SERVER is %q: set it to production, sandbox, local or a URL", server)
	}
	return gloebit.New(config)
}

func TestInstall(t *testing.T) {
	for server, realm := range map[string]string{
		"local": "127.0.0.1:8081/key", "sandbox": "sandbox.gloebit.com/key", "production": "www.gloebit.com/key",
		"http://127.0.0.1:18081": "127.0.0.1:18081/key",
	} {
		t.Run(server, func(t *testing.T) {
			merchant, err := newMerchant(environment(server))
			require.NoError(t, err)
			require.Equal(t, realm, merchant.Realm())
		})
	}
	for _, server := range []string{"", "live", "127.0.0.1:18081"} {
		_, err := newMerchant(environment(server))
		require.ErrorContains(t, err, "GLOEBIT_SERVER", server)
	}
}

func environment(server string) func(string) string {
	values := map[string]string{
		"GLOEBIT_CLIENT_ID": "key", "GLOEBIT_CLIENT_SECRET": "secret",
		"SHOP_URL": "https://shop.example", "GLOEBIT_SERVER": server,
	}
	return func(name string) string { return values[name] }
}
