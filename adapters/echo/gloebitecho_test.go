package gloebitecho_test

import (
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit"
	gloebitecho "github.com/go-gloebit/gloebit/adapters/echo"
	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

// framework is echo, with the routes in a group.
func framework(name string, fail func(*echo.Context, error) error) adaptertest.Framework {
	return adaptertest.Framework{Name: name, New: func(a *adaptertest.App) http.Handler {
		e := newEcho(a)
		group := e.Group(a.Prefix)
		gloebitecho.Register(group, a.Merchant)
		pages(a, group, fail)
		return e
	}}
}

// returned returns the error of a handler to the middleware.
func returned(_ *echo.Context, err error) error { return err }

func TestConformance(t *testing.T) { adaptertest.Run(t, framework("", gloebitecho.Error)) }

func TestErrorsThatHandlersReturn(t *testing.T) { adaptertest.Run(t, framework("", returned)) }

func TestSecurity(t *testing.T) {
	adaptertest.RunSecurity(t, framework("errors answered", gloebitecho.Error), framework("errors returned", returned))
}

func TestRegisterOnOutermostRouter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
		e := newEcho(a)
		gloebitecho.Register(e, a.Merchant)
		pages(a, e.Group(a.Prefix), gloebitecho.Error)
		return e
	}})
}

func TestPrefixStrippedBeforeEcho(t *testing.T) {
	adaptertest.Run(t, adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
		e := newEcho(a)
		gloebitecho.Register(e, a.Merchant)
		pages(a, e.Group(""), gloebitecho.Error)
		return http.StripPrefix(a.Prefix, e)
	}})
}

func newEcho(a *adaptertest.App) *echo.Echo {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	e.Use(middleware.Recover())
	if a.Sessions != nil {
		e.Use(gloebitecho.Sessions(a.Sessions))
	}
	return e
}

func pages(a *adaptertest.App, g *echo.Group, fail func(*echo.Context, error) error) {
	greet := func(c *echo.Context) error {
		client, _ := gloebitecho.FromContext(c)
		return c.String(http.StatusOK, a.Greet(client))
	}
	later := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			a.Later(c.Response().Header())
			return next(c)
		}
	}
	anyone := g.Group("", gloebitecho.Optional(a.Merchant))
	anyone.GET("/optional", greet)
	anyone.GET("/note", func(c *echo.Context) error {
		a.Remember(c.Request().Context())
		return c.NoContent(http.StatusNoContent)
	})
	anyone.GET("/noted", func(c *echo.Context) error { return c.String(http.StatusOK, a.Recall(c.Request().Context())) })
	anyone.GET("/stream", func(c *echo.Context) error {
		a.Stream(c.Request().Context(),
			func(chunk string) { _, _ = io.WriteString(c.Response(), chunk) },
			func() { _ = http.NewResponseController(c.Response()).Flush() })
		return nil
	})
	anyone.Any("/raw/:what", func(c *echo.Context) error {
		a.Raw(c.Param("what"), c.Response(), c.Request())
		return nil
	})
	g.GET("/inventory", greet, gloebitecho.Require(a.Merchant, gloebit.ScopeInventory), later)
	connected := g.Group("", gloebitecho.Require(a.Merchant))
	connected.Any("/private", greet, later)
	connected.GET("/balance", func(c *echo.Context) error {
		balance, err := a.Balance(c.Request().Context(), gloebitecho.Client(c))
		if err != nil {
			return fail(c, err)
		}
		return c.String(http.StatusOK, balance)
	})
	connected.GET("/panic", func(*echo.Context) error { panic("the hat stand fell over") })
	connected.Any("/fail/:what", func(c *echo.Context) error { return fail(c, a.Failure(c.Param("what"))) })
}
