package gloebit

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
)

// maxFile is the greatest size of a client secrets file in bytes.
const maxFile = 64 << 10

// ConfigFromFile reads a client secrets file, in the format of Google's
// client_secrets.json:
//
//	{"web": {
//	  "client_id": "…", "client_secret": "…",
//	  "redirect_uris": ["https://shop.example/gloebit/callback"],
//	  "auth_uri": "https://www.gloebit.com/oauth2/authorize",
//	  "token_uri": "https://www.gloebit.com/oauth2/access-token"
//	}}
//
// The first redirect URI becomes Config.RedirectURL. The provider is the server
// of token_uri; if the file has neither auth_uri nor token_uri, the caller must
// set Provider. Other members are ignored. The error names the member that is
// wrong and holds no secret.
func ConfigFromFile(name string) (Config, error) {
	file, err := os.Open(name)
	if err != nil {
		return Config{}, fmt.Errorf("gloebit: client secrets file: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return Config{}, fmt.Errorf("gloebit: client secrets file: %w", err)
	}
	if len(content) > maxFile {
		return Config{}, fmt.Errorf("gloebit: client secrets file: larger than %d bytes", maxFile)
	}
	return parseClientSecrets(content)
}

func parseClientSecrets(content []byte) (Config, error) {
	var file struct {
		Web *struct {
			ClientID     string   `json:"client_id"`
			ClientSecret string   `json:"client_secret"`
			RedirectURIs []string `json:"redirect_uris"`
			AuthURI      string   `json:"auth_uri"`
			TokenURI     string   `json:"token_uri"`
		} `json:"web"`
	}
	fail := func(format string, args ...any) (Config, error) {
		return Config{}, fmt.Errorf("gloebit: client secrets file: "+format, args...)
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return fail("not JSON of the expected form") // the decoder's error may quote a secret
	}
	switch web := file.Web; {
	case web == nil:
		return fail("without the member web")
	case web.ClientID == "":
		return fail("without web.client_id")
	case web.ClientSecret == "":
		return fail("without web.client_secret")
	case len(web.RedirectURIs) == 0 || web.RedirectURIs[0] == "":
		return fail("without web.redirect_uris")
	case (web.AuthURI == "") != (web.TokenURI == ""):
		return fail("web.auth_uri and web.token_uri go together")
	}
	config := Config{
		ClientID:     file.Web.ClientID,
		ClientSecret: Secret(file.Web.ClientSecret),
		RedirectURL:  file.Web.RedirectURIs[0],
	}
	if file.Web.TokenURI != "" {
		token, err := connect.CheckEndpoint(file.Web.TokenURI)
		if err != nil {
			return fail("web.token_uri: %w", err)
		}
		base, ok := strings.CutSuffix(strings.TrimRight(token.Path, "/"), "/oauth2/access-token")
		if !ok {
			return fail("web.token_uri does not end in /oauth2/access-token, so it is no Gloebit's")
		}
		config.Provider = ProviderAt(token.Scheme + "://" + token.Host + base)
		config.Provider.TokenURL, config.Provider.AuthURL = file.Web.TokenURI, file.Web.AuthURI
	}
	return config, nil
}
