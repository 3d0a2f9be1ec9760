package main

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
	gloebitgin "github.com/go-gloebit/gloebit/adapters/gin"

	"github.com/go-gloebit/gloebit/examples/internal/desk"
	"github.com/go-gloebit/gloebit/examples/internal/storefront"
)

// shop is the storefront with its routing by gin.
type shop struct{ *desk.Desk }

// routes are the shop's pages, in one group for each kind of visitor.
func (s *shop) routes(router *gin.Engine, merchant *gloebit.Merchant) {
	anyone := router.Group("", gloebitgin.Optional(merchant))
	anyone.GET("/", s.page(s.Front.Shelf))
	anyone.GET("/shelf/:article", s.article(s.Front.Article))
	anyone.GET("/merchant", s.page(s.Front.BackOffice))
	anyone.GET("/goodbye", s.page(s.Front.Goodbye))

	connected := router.Group("", gloebitgin.Require(merchant))
	connected.GET("/not-enough/:article", s.article(s.Front.NotEnough))
	connected.GET("/purchases", s.page(s.Front.Purchases))

	owner := router.Group("", gloebitgin.Require(merchant, gloebit.ScopeInventory))
	owner.GET("/things", s.page(s.Front.Things))
	owner.POST("/use/:article", s.form(s.Front.Use))

	router.POST("/buy/:article", gloebitgin.Require(merchant, gloebit.ScopeTransact), s.form(s.Front.Buy))
	router.NoRoute(gloebitgin.Optional(merchant), s.page(s.Front.NotFound))
}

// sameOrigin refuses forms of other sites.
func (s *shop) sameOrigin(csrf *http.CrossOriginProtection) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := csrf.Check(c.Request); err != nil {
			s.CrossOrigin(c.Writer, c.Request)
			c.Abort()
		}
	}
}

// page serves a page that needs nothing from the request but its context.
func (s *shop) page(look func(context.Context) (storefront.Reply, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		reply, err := look(c.Request.Context())
		s.Answer(c.Writer, c.Request, reply, err)
	}
}

// article serves a page about an article and a quantity.
func (s *shop) article(look func(ctx context.Context, slug, quantity string) (storefront.Reply, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		reply, err := look(c.Request.Context(), c.Param("article"), c.Query("quantity"))
		s.Answer(c.Writer, c.Request, reply, err)
	}
}

// form works a form about an article. A field that can't be read is empty, which
// the storefront refuses.
func (s *shop) form(work func(ctx context.Context, slug string, form storefront.Form) (storefront.Reply, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, desk.LargestForm)
		form := storefront.Form{Order: c.PostForm("order"), Quantity: c.PostForm("quantity")}
		reply, err := work(c.Request.Context(), c.Param("article"), form)
		s.Answer(c.Writer, c.Request, reply, err)
	}
}
