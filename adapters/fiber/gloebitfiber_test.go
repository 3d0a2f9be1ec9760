package gloebitfiber_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit"
	gloebitfiber "github.com/go-gloebit/gloebit/adapters/fiber"
	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/stretchr/testify/require"
)

// framework is fiber, with the routes in a group.
func framework(t *testing.T, name string, fail func(fiber.Ctx, error) error) adaptertest.Framework {
	return adaptertest.Framework{Name: name, Detached: true, New: func(a *adaptertest.App) http.Handler {
		app := newApp(a)
		group := app.Group(a.Prefix)
		gloebitfiber.Register(group, a.Merchant)
		pages(a, group, fail)
		return start(t, app)
	}}
}

// returned returns the error of a handler to the middleware.
func returned(_ fiber.Ctx, err error) error { return err }

func TestConformance(t *testing.T) { adaptertest.Run(t, framework(t, "", gloebitfiber.Error)) }

func TestErrorsThatHandlersReturn(t *testing.T) { adaptertest.Run(t, framework(t, "", returned)) }

func TestSecurity(t *testing.T) {
	adaptertest.RunSecurity(
		t, framework(t, "errors answered", gloebitfiber.Error), framework(t, "errors returned", returned),
	)
}

func TestRegisterOnApp(t *testing.T) {
	adaptertest.Run(t, adaptertest.Framework{Detached: true, New: func(a *adaptertest.App) http.Handler {
		app := newApp(a)
		gloebitfiber.Register(app, a.Merchant)
		pages(a, app.Group(a.Prefix), gloebitfiber.Error)
		return start(t, app)
	}})
}

func TestPrefixStrippedBeforeFiber(t *testing.T) {
	server := gloebittest.NewServer()
	t.Cleanup(server.Close)
	mux := http.NewServeMux()
	shop := httptest.NewServer(mux)
	t.Cleanup(shop.Close)
	account, err := server.AddApplication(gloebittest.Application{RedirectPrefixes: []string{shop.URL + "/"}})
	require.NoError(t, err)
	_, err = server.AddUser(gloebittest.User{Name: "alice"})
	require.NoError(t, err)
	require.NoError(t, server.Approve("alice"))
	m, err := gloebit.New(gloebit.Config{
		ClientID: account.Key, ClientSecret: gloebit.Secret(account.Secret), Provider: gloebit.ProviderAt(server.URL),
		RedirectURL: shop.URL + "/shop/pay/gloebit/callback",
	})
	require.NoError(t, err)
	app := fiber.New()
	gloebitfiber.Register(app, m)
	app.Get("/hats", gloebitfiber.Require(m), func(c fiber.Ctx) error { return c.SendString("hats") })
	mux.Handle("/shop/", http.StripPrefix("/shop", start(t, app)))

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	r, err := http.NewRequest(http.MethodGet, shop.URL+"/shop/hats?size=4", nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "text/html")
	response, err := (&http.Client{Transport: transport, Jar: jar}).Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, shop.URL+"/shop/hats?size=4", response.Request.URL.String())
}

func TestRegisterPanicsForUnrelatedGroup(t *testing.T) {
	m, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox(),
		RedirectURL: "https://shop.example/gloebit/callback",
	})
	require.NoError(t, err)
	require.PanicsWithValue(t, "gloebitfiber: the group /admin is not on the way to /gloebit/connect, which lies "+
		"beside Config.RedirectURL", func() {
		gloebitfiber.Register(fiber.New().Group("/admin"), m)
	})
}

func newApp(a *adaptertest.App) *fiber.App {
	app := fiber.New()
	app.Use(recover.New())
	if a.Sessions != nil {
		app.Use(gloebitfiber.Sessions(a.Sessions))
	}
	return app
}

// start serves the app on a port of its own, and returns a handler that
// forwards to it.
func start(t *testing.T, app *fiber.App) http.Handler {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		shutdowns.Go(func() { // takes 100 ms at least
			if err := errors.Join(app.Shutdown(), <-done); err != nil {
				panic(err)
			}
		})
	})
	target := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	return &httputil.ReverseProxy{Transport: transport, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
}

func pages(a *adaptertest.App, router fiber.Router, fail func(fiber.Ctx, error) error) {
	greet := func(c fiber.Ctx) error {
		client, _ := gloebitfiber.FromContext(c)
		return c.SendString(a.Greet(client))
	}
	later := func(c fiber.Ctx) error {
		header := http.Header{}
		a.Later(header)
		for name := range header {
			c.Set(name, header.Get(name))
		}
		return c.Next()
	}
	optional := gloebitfiber.Optional(a.Merchant)
	router.Get("/optional", optional, greet)
	router.Get("/note", optional, func(c fiber.Ctx) error {
		a.Remember(c.Context())
		return c.SendStatus(http.StatusNoContent)
	})
	router.Get("/noted", optional, func(c fiber.Ctx) error { return c.SendString(a.Recall(c.Context())) })
	router.Get("/stream", optional, func(c fiber.Ctx) error {
		ctx := c.Context()
		a.Remember(ctx) // before the response has begun
		return c.SendStreamWriter(func(w *bufio.Writer) {
			a.Stream(ctx, func(chunk string) { _, _ = w.WriteString(chunk) }, func() { _ = w.Flush() })
		})
	})
	router.Get("/inventory", gloebitfiber.Require(a.Merchant, gloebit.ScopeInventory), later, greet)
	connected := gloebitfiber.Require(a.Merchant)
	router.All("/private", connected, later, greet)
	router.Get("/balance", connected, func(c fiber.Ctx) error {
		balance, err := a.Balance(c.Context(), gloebitfiber.Client(c))
		if err != nil {
			return fail(c, err)
		}
		return c.SendString(balance)
	})
	router.Get("/panic", connected, func(fiber.Ctx) error { panic("the hat stand fell over") })
	router.All("/fail/:what", connected, func(c fiber.Ctx) error { return fail(c, a.Failure(c.Params("what"))) })
}

// ofOneAnswer are headers that must not be sent with another response.
var ofOneAnswer = []string{
	"Location", "Refresh", "HX-Redirect", "HX-Location", "Content-Type", "Content-Encoding", "Content-Range",
	"Content-Disposition", "ETag", "Last-Modified",
}

// TestApplicationHeadersAreKept checks that the package's responses keep the
// headers that the application's middleware sets.
func TestApplicationHeadersAreKept(t *testing.T) {
	m, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(),
	})
	require.NoError(t, err)
	app := fiber.New()
	app.Use(func(c fiber.Ctx) error {
		c.Set("Strict-Transport-Security", "max-age=60")
		c.Set("Cache-Control", "public")
		for _, name := range ofOneAnswer {
			c.Set(name, "text/x-unsent")
		}
		return c.Next()
	})
	gloebitfiber.Register(app, m)
	resp, err := app.Test(httptest.NewRequest(http.MethodGet, "https://shop.example/gloebit/callback", nil))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	require.Equal(t, []string{"max-age=60"}, resp.Header["Strict-Transport-Security"])
	require.Equal(t, []string{"no-store"}, resp.Header["Cache-Control"])
	for _, name := range ofOneAnswer {
		require.NotContains(t, resp.Header.Get(name), "unsent", name)
	}
}
