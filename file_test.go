package gloebit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func secretsFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "client_secrets.json")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

func TestClientSecretsFileMakesConfig(t *testing.T) {
	config, err := gloebit.ConfigFromFile(secretsFile(t, `{"web": {"client_id": "key", "client_secret": "canary",
		"redirect_uris": ["https://shop.example/gloebit/callback", "https://other.example/cb"],
		"auth_uri": "https://sandbox.gloebit.com/oauth2/authorize",
		"token_uri": "https://sandbox.gloebit.com/oauth2/access-token", "project_id": 7}}`))
	require.NoError(t, err)
	require.Equal(t, "key", config.ClientID)
	require.Equal(t, "canary", config.ClientSecret.Reveal())
	require.Equal(t, "https://shop.example/gloebit/callback", config.RedirectURL)
	require.Equal(t, gloebit.Sandbox(), config.Provider)
	_, err = gloebit.New(config)
	require.NoError(t, err)

	config, err = gloebit.ConfigFromFile(secretsFile(
		t, `{"web":{"client_id":"key","client_secret":"s","redirect_uris":["https://a.example/cb"]}}`,
	))
	require.NoError(t, err)
	require.Zero(t, config.Provider, "the caller says which")
}

func TestInvalidClientSecretsFile(t *testing.T) {
	const rest = `"client_secret":"canary","redirect_uris":["https://a.example/cb"]`
	for content, want := range map[string]string{
		``:                             "not JSON",
		`{"web":`:                      "not JSON",
		`{"web":{"client_secret":{}}}`: "not JSON",
		`{}`:                           "member web",
		`{"installed":{}}`:             "member web",
		`{"web":{` + rest + `}}`:       "web.client_id",
		`{"web":{"client_id":"k"}}`:    "web.client_secret",
		`{"web":{"client_id":"k","client_secret":"canary"}}`: "web.redirect_uris",
		`{"web":{"client_id":"k",` + rest +
			`,"auth_uri":"https://x.example/oauth2/authorize"}}`: "go together",
		`{"web":{"client_id":"k",` + rest +
			`,"auth_uri":"https://x.example/a","token_uri":"https://x.example/t"}}`: "token_uri",
		`{"web":{"client_id":"k",` + rest +
			`,"auth_uri":"http://x.example/a","token_uri":"http://x.example/oauth2/access-token"}}`: "plain http",
		strings.Repeat(" ", 1<<20): "larger than",
	} {
		_, err := gloebit.ConfigFromFile(secretsFile(t, content))
		require.ErrorContains(t, err, want, content)
		require.NotContains(t, err.Error(), "canary")
	}
	_, err := gloebit.ConfigFromFile(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
