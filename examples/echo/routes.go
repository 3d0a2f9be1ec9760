package main

import (
	"context"
	"net/http"

	"github.com/go-gloebit/gloebit"
	gloebitecho "github.com/go-gloebit/gloebit/adapters/echo"
	"github.com/labstack/echo/v5"

	"github.com/go-gloebit/gloebit/examples/internal/desk"
	"github.com/go-gloebit/gloebit/examples/internal/storefront"
)

// shop is the storefront with its routing by echo.
type shop struct{ *desk.Desk }

// routes are the shop's pages, in one group for each kind of visitor.
func (s *shop) routes(e *echo.Group, merchant *gloebit.Merchant) {
	anyone := gloebitecho.Optional(merchant)
	connected := gloebitecho.Require(merchant)
	owner := gloebitecho.Require(merchant, gloebit.ScopeInventory)
	buyer := gloebitecho.Require(merchant, gloebit.ScopeTransact)

	e.GET("/", s.page(s.Front.Shelf), anyone)
	e.GET("/shelf/:article", s.article(s.Front.Article), anyone)
	e.POST("/buy/:article", s.form(s.Front.Buy), buyer)
	e.GET("/not-enough/:article", s.article(s.Front.NotEnough), connected)
	e.GET("/things", s.page(s.Front.Things), owner)
	e.POST("/use/:article", s.form(s.Front.Use), owner)
	e.GET("/purchases", s.page(s.Front.Purchases), connected)
	e.GET("/merchant", s.page(s.Front.BackOffice), anyone)
	e.GET("/goodbye", s.page(s.Front.Goodbye), anyone)
	e.RouteNotFound("/*", s.page(s.Front.NotFound), anyone)
}

// sameOrigin refuses forms of other sites.
func (s *shop) sameOrigin(csrf *http.CrossOriginProtection) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			if err := csrf.Check(c.Request()); err != nil {
				s.CrossOrigin(c.Response(), c.Request())
				return nil
			}
			return next(c)
		}
	}
}

// page serves a page that needs nothing from the request but its context.
func (s *shop) page(look func(context.Context) (storefront.Reply, error)) echo.HandlerFunc {
	return func(c *echo.Context) error {
		reply, err := look(c.Request().Context())
		s.Answer(c.Response(), c.Request(), reply, err)
		return nil
	}
}

// article serves a page about an article and a quantity.
func (s *shop) article(look func(ctx context.Context, slug, quantity string) (storefront.Reply, error)) echo.HandlerFunc {
	return func(c *echo.Context) error {
		reply, err := look(c.Request().Context(), c.Param("article"), c.QueryParam("quantity"))
		s.Answer(c.Response(), c.Request(), reply, err)
		return nil
	}
}

// form works a form about an article. A field that can't be read is empty, which
// the storefront refuses.
func (s *shop) form(work func(ctx context.Context, slug string, form storefront.Form) (storefront.Reply, error)) echo.HandlerFunc {
	return func(c *echo.Context) error {
		r := c.Request()
		r.Body = http.MaxBytesReader(c.Response(), r.Body, desk.LargestForm)
		form := storefront.Form{Order: r.PostFormValue("order"), Quantity: r.PostFormValue("quantity")}
		reply, err := work(r.Context(), c.Param("article"), form)
		s.Answer(c.Response(), r, reply, err)
		return nil
	}
}
