package gloebit_test

import (
	"net/http"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func validConfig() gloebit.Config {
	return gloebit.Config{
		ClientID:     "key",
		ClientSecret: "secret",
		RedirectURL:  "https://shop.example/gloebit/callback",
		Provider:     gloebit.Sandbox(),
	}
}

func TestNewNamesInvalidField(t *testing.T) {
	for name, test := range map[string]struct {
		break_ func(*gloebit.Config)
		want   string
	}{
		"no key": {
			func(c *gloebit.Config) { c.ClientID = "" }, "gloebit: Config.ClientID is empty: set it to",
		},
		"no secret": {
			func(c *gloebit.Config) { c.ClientSecret = "" }, "gloebit: Config.ClientSecret is empty: set it to",
		},
		"no provider": {func(c *gloebit.Config) { c.Provider = gloebit.Provider{} }, "Config.Provider"},
		"a provider without a host": {
			func(c *gloebit.Config) { c.Provider = gloebit.ProviderAt("gloebit.example") }, "Config.Provider.AuthURL",
		},
		"a provider without a token URL": {
			func(c *gloebit.Config) { c.Provider.TokenURL = "" }, "Config.Provider.TokenURL",
		},
		"an API base without a slash": {
			func(c *gloebit.Config) { c.Provider.APIURL = "https://x.example/api" }, "Config.Provider.APIURL",
		},
		"no redirect URL": {
			func(c *gloebit.Config) { c.RedirectURL = "" }, "Config.RedirectURL: \"\" is not an absolute URL",
		},
		"server without a scheme": {
			func(c *gloebit.Config) { c.Provider = gloebit.ProviderAt("127.0.0.1:8081") },
			`Config.Provider.AuthURL: "127.0.0.1:8081/oauth2/authorize" is not an absolute URL: it must begin with https:// or`,
		},
		"a relative redirect URL": {
			func(c *gloebit.Config) { c.RedirectURL = "/gloebit/callback" }, "Config.RedirectURL",
		},
		"a redirect URL of another scheme": {
			func(c *gloebit.Config) { c.RedirectURL = "ftp://shop.example/gloebit/callback" }, "Config.RedirectURL",
		},
		"a redirect URL with a fragment": {func(c *gloebit.Config) { c.RedirectURL += "#x" }, "Config.RedirectURL"},
		"a redirect URL whose host is not ASCII": {
			func(c *gloebit.Config) { c.RedirectURL = "https://b\u00fccher.example/gloebit/callback" },
			"Config.RedirectURL: write the host \"b\u00fccher.example\" in ASCII",
		},
		"a redirect URL with a query": {func(c *gloebit.Config) { c.RedirectURL += "?x=1" }, "Config.RedirectURL"},
		"a redirect URL with a user": {
			func(c *gloebit.Config) { c.RedirectURL = "https://me:you@shop.example/gloebit/callback" }, "Config.RedirectURL",
		},
		"a redirect URL without a path": {
			func(c *gloebit.Config) { c.RedirectURL = "https://shop.example" }, "Config.RedirectURL",
		},
		"a redirect URL that is connect": {
			func(c *gloebit.Config) { c.RedirectURL = "https://shop.example/gloebit/connect" }, "Config.RedirectURL",
		},
		"a redirect URL that can't parse": {
			func(c *gloebit.Config) { c.RedirectURL = "https://shop.example:port/gloebit/callback" }, "Config.RedirectURL",
		},
		"an unknown scope": {func(c *gloebit.Config) { c.Scopes = []gloebit.Scope{"money"} }, "Config.Scopes"},
		"two answers to who the user is": {func(c *gloebit.Config) {
			c.SignIn = true
			c.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{}, nil }
		}, "Config.SignIn"},
		"sign-in without identity": {
			func(c *gloebit.Config) { c.SignIn, c.Scopes = true, []gloebit.Scope{gloebit.ScopeBalance} }, "Config.SignIn",
		},
		"a home on another site": {func(c *gloebit.Config) { c.HomePath = "https://evil.example/" }, "Config.HomePath"},
		"an unknown prompt":      {func(c *gloebit.Config) { c.ApprovalPrompt = "sometimes" }, "Config.ApprovalPrompt"},
		"a negative time limit":  {func(c *gloebit.Config) { c.ConnectTimeout = -1 }, "Config.ConnectTimeout is negative"},
		"a nil session manager":  {func(c *gloebit.Config) { c.Sessions = (*scs.SessionManager)(nil) }, "Config.Sessions"},
		"a nil memory state store": {
			func(c *gloebit.Config) { c.States = (*gloebit.MemoryStateStore)(nil) }, "Config.States",
		},
		"a nil memory token store": {
			func(c *gloebit.Config) { c.Tokens = (*gloebit.MemoryTokenStore)(nil) },
			"Config.Tokens holds a nil *connect.MemoryTokenStore: leave",
		},
		"a user agent of two lines": {func(c *gloebit.Config) { c.UserAgent = "a\r\nb" }, "Config.UserAgent"},
		"sign-in at no URL": {
			func(c *gloebit.Config) { c.User, c.SignInURL = headerUser, "login" }, "Config.SignInURL",
		},
		"sign-in on another host": {
			func(c *gloebit.Config) { c.User, c.SignInURL = headerUser, "//evil.example/" }, "Config.SignInURL",
		},
		"sign-in by dots": {
			func(c *gloebit.Config) { c.User, c.SignInURL = headerUser, "/a/../login" }, "Config.SignInURL",
		},
		"sign-in on plain http": {
			func(c *gloebit.Config) { c.User, c.SignInURL = headerUser, "http://id.example/" }, "Config.SignInURL",
		},
		"sign-in by a script": {
			func(c *gloebit.Config) { c.User, c.SignInURL = headerUser, "javascript:alert(1)" }, "Config.SignInURL",
		},
		"sign-in with a fragment": {
			func(c *gloebit.Config) { c.User, c.SignInURL = headerUser, "/login#x" }, "Config.SignInURL",
		},
		"sign-in without users":     {func(c *gloebit.Config) { c.SignInURL = "/login" }, "Config.SignInURL needs User"},
		"several fields, the first": {func(c *gloebit.Config) { c.ClientID, c.RedirectURL = "", "" }, "Config.ClientID"},
		"several fields, the last":  {func(c *gloebit.Config) { c.ClientID, c.RedirectURL = "", "" }, "Config.RedirectURL"},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			test.break_(&config)
			merchant, err := gloebit.New(config)
			require.Nil(t, merchant)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "you@", "user information is a secret")
		})
	}
}

func TestNewAcceptsValidConfig(t *testing.T) {
	for name, change := range map[string]func(*gloebit.Config){
		"the least there is": func(*gloebit.Config) {},
		"production":         func(c *gloebit.Config) { c.Provider = gloebit.Production() },
		"a host that IDNA encoded": func(c *gloebit.Config) {
			c.RedirectURL = "https://xn--bcher-kva.example/gloebit/callback"
		},
		"a callback of another name":  func(c *gloebit.Config) { c.RedirectURL = "https://shop.example/back" },
		"a server on a loopback port": func(c *gloebit.Config) { c.Provider = gloebit.ProviderAt("http://127.0.0.1:8081") },
		"a user agent":                func(c *gloebit.Config) { c.UserAgent = "hats/2 (+https://shop.example)" },
		"sign-in of its own":          func(c *gloebit.Config) { c.User, c.SignInURL = headerUser, "/login?from=hats" },
		"sign-in elsewhere": func(c *gloebit.Config) {
			c.User, c.SignInURL = headerUser, "https://id.example/login"
		},
		"sign-in with the scope id": func(c *gloebit.Config) {
			c.SignIn, c.Scopes = true, []gloebit.Scope{gloebit.ScopeID}
		},
		"sign-in with default scopes":   func(c *gloebit.Config) { c.SignIn = true },
		"an application's own sessions": func(c *gloebit.Config) { c.Sessions = scs.New() },
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			change(&config)
			_, err := gloebit.New(config)
			require.NoError(t, err)
		})
	}
}

func TestMiddlewarePanicsOnNilHandler(t *testing.T) {
	merchant, err := gloebit.New(validConfig())
	require.NoError(t, err)
	require.Panics(t, func() { merchant.RequireGloebit(nil) })
	require.Panics(t, func() { merchant.RequireScopes(gloebit.ScopeBalance)(nil) })
	require.Panics(t, func() { merchant.Optional(nil) })
}

func TestCallersHTTPClientIsNotModified(t *testing.T) {
	config := validConfig()
	config.HTTPClient = &http.Client{}
	_, err := gloebit.New(config)
	require.NoError(t, err)
	require.Nil(t, config.HTTPClient.CheckRedirect)
	require.Zero(t, config.HTTPClient.Timeout)
}
