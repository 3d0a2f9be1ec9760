package gloebit_test

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/stores/cached"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// noDatabase is a database that can't be reached. New does not use it.
type noDatabase struct{}

func (noDatabase) Connect(context.Context) (driver.Conn, error) { return nil, errDown }
func (noDatabase) Driver() driver.Driver                        { return noDatabase{} }
func (noDatabase) Open(string) (driver.Conn, error)             { return nil, errDown }

// safeSessions is a session manager that causes no warning.
func safeSessions() *scs.SessionManager {
	sessions := scsInMemory()
	sessions.Store = &faultySessions{}
	sessions.Cookie.Secure = true
	sessions.Cookie.SameSite = http.SameSiteLaxMode
	return sessions
}

// scsInMemory is scs.New without the goroutine of its store.
func scsInMemory() *scs.SessionManager {
	sessions := scs.New()
	sessions.Store = memstore.NewWithCleanupInterval(0)
	return sessions
}

func TestNewWarnsOfUnverifiedDefaultTransport(t *testing.T) {
	before := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = before })
	http.DefaultTransport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	for name, client := range map[string]*http.Client{"none": nil, "a client without a transport": {}} {
		log := &testkit.Log{}
		config := validConfig()
		config.Provider, config.HTTPClient, config.Logger = gloebit.Production(), client,
			slog.New(slog.NewTextHandler(log, nil))
		_, err := gloebit.New(config)
		require.NoError(t, err)
		require.Contains(t, log.String(), "HTTPClient does not verify certificates", name)
	}
}

func TestNewWarnsOfInsecureProductionConfig(t *testing.T) {
	db := sql.OpenDB(noDatabase{})
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	plain, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
	require.NoError(t, err)
	key := sealed.Key{ID: "k", Secret: "an AES key of exactly 32 letters"}
	tokens, err := sealed.New(plain, key)
	require.NoError(t, err)
	moving, err := sealed.NewInsecureAcceptPlain(plain, key)
	require.NoError(t, err)

	cachedMemory, err := cached.New(&gloebit.MemoryTokenStore{}, cached.Config{MaxAge: time.Second})
	require.NoError(t, err)
	sealedMemory, err := sealed.New(cachedMemory, key)
	require.NoError(t, err)
	at := func(url string) func(*gloebit.Config) {
		return func(c *gloebit.Config) { c.Provider, c.States = gloebit.ProviderAt(url), nil }
	}
	withCookie := func(change func(*scs.SessionCookie)) func(*gloebit.Config) {
		return func(c *gloebit.Config) { change(&c.Sessions.(*scs.SessionManager).Cookie) }
	}

	for name, test := range map[string]struct {
		change func(*gloebit.Config)
		fields []string // that are warned of; none for silence
	}{
		"as it should be": {func(*gloebit.Config) {}, nil},
		"all defaults": {
			func(c *gloebit.Config) { c.Sessions, c.States, c.Tokens = nil, nil, nil },
			[]string{"Tokens is in memory", "States", "Sessions"},
		},
		"memory by name": {
			func(c *gloebit.Config) { c.States, c.Tokens = &gloebit.MemoryStateStore{}, &gloebit.MemoryTokenStore{} },
			[]string{"Tokens is in memory", "States"},
		},
		"tokens in plain":       {func(c *gloebit.Config) { c.Tokens = plain }, []string{"Tokens is not sealed"}},
		"tokens that are moved": {func(c *gloebit.Config) { c.Tokens = moving }, []string{"Tokens is not sealed"}},
		"sessions of its own":   {func(c *gloebit.Config) { c.Sessions = nil }, []string{"Sessions"}},
		"memory in a cache":     {func(c *gloebit.Config) { c.Tokens = cachedMemory }, []string{"Tokens is in memory"}},
		"memory in a seal":      {func(c *gloebit.Config) { c.Tokens = sealedMemory }, []string{"Tokens is in memory"}},
		"scs as it comes": {
			func(c *gloebit.Config) { c.Sessions = scsInMemory() }, []string{"Sessions has its Store in memory", "not Secure"},
		},
		"a cookie on http": {
			withCookie(func(c *scs.SessionCookie) { c.Secure = false }), []string{"Sessions.Cookie is not Secure"},
		},
		"a cookie of Lax": {withCookie(func(c *scs.SessionCookie) { c.SameSite = http.SameSiteLaxMode }), nil},
		"a cookie of None": {
			withCookie(func(c *scs.SessionCookie) { c.SameSite = http.SameSiteNoneMode }), []string{"SameSite"},
		},
		"a cookie without":          {withCookie(func(c *scs.SessionCookie) { c.SameSite = 0 }), []string{"SameSite"}},
		"a cookie scripts can read": {withCookie(func(c *scs.SessionCookie) { c.HttpOnly = false }), []string{"HttpOnly"}},
		"another's sessions":        {func(c *gloebit.Config) { c.Sessions = untouchable{} }, nil},
		"production with a port":    {at("https://www.gloebit.com:443/"), []string{"States"}},
		"production in capitals":    {at("https://WWW.Gloebit.COM"), []string{"States"}},
		"production without www":    {at("https://gloebit.com/"), []string{"States"}},
		"production with a dot":     {at("https://www.gloebit.com./"), []string{"States"}},
		"another of its hosts":      {at("https://dev.gloebit.com/"), nil},
		"a host that ends like it":  {at("https://notgloebit.com/"), nil},
		"a redirect URL on http": {
			func(c *gloebit.Config) { c.RedirectURL = "http://localhost:8080/gloebit/callback" },
			[]string{"RedirectURL is plain http: only"},
		},
		"no TLS verification": {func(c *gloebit.Config) {
			c.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		}, []string{"HTTPClient"}},
		"all of it": {func(c *gloebit.Config) {
			*c = gloebit.Config{
				ClientID: c.ClientID, ClientSecret: c.ClientSecret, Provider: c.Provider, Logger: c.Logger,
				RedirectURL: "http://localhost/gloebit/callback",
			}
		}, []string{"Tokens is in memory", "States", "Sessions", "RedirectURL is plain http: cookies"}},
		"the defaults at the sandbox": {func(c *gloebit.Config) {
			c.Provider, c.Sessions, c.States, c.Tokens = gloebit.Sandbox(), nil, nil, plain
		}, nil},
		"the defaults at another server": {func(c *gloebit.Config) {
			c.Provider, c.Sessions, c.States, c.Tokens = gloebit.ProviderAt("http://127.0.0.1:8081"), nil, nil, nil
		}, nil},
		"the defaults in silence": {func(c *gloebit.Config) {
			c.Logger, c.Sessions, c.States, c.Tokens = nil, nil, nil, nil
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			log := &testkit.Log{}
			config := validConfig()
			config.Provider, config.Sessions, config.States, config.Tokens = gloebit.Production(), safeSessions(), plain, tokens
			config.Provider.PKCE = true // still production
			config.Logger = slog.New(slog.NewTextHandler(log, nil))
			test.change(&config)
			_, err := gloebit.New(config)
			require.NoError(t, err)
			if len(test.fields) == 0 {
				require.Empty(t, log.String())
				return
			}
			require.Equal(t, 1, strings.Count(log.String(), "\n"), "one record: %s", log)
			require.Contains(t, log.String(), "level=WARN")
			_, settings, _ := strings.Cut(log.String(), "settings=")
			warned := strings.Split(settings, "; ")
			require.Len(t, warned, len(test.fields), settings)
			for i, field := range test.fields {
				require.Contains(t, warned[i], field)
			}
		})
	}
}

func TestInvalidConfigLogsNoWarning(t *testing.T) {
	log := &testkit.Log{}
	config := validConfig()
	config.Provider, config.ClientID = gloebit.Production(), ""
	config.Logger = slog.New(slog.NewTextHandler(log, nil))
	_, err := gloebit.New(config)
	require.Error(t, err)
	require.Empty(t, log.String())
}
