package gloebitgin_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
	gloebitgin "github.com/go-gloebit/gloebit/adapters/gin"
	"github.com/go-gloebit/gloebit/adaptertest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	// scs.New starts a goroutine that can't be stopped for certain.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"))
}

// framework is gin, with the routes in a group.
var framework = adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
	engine := newEngine(a)
	group := engine.Group(a.Prefix)
	gloebitgin.Register(group, a.Merchant)
	pages(a, group)
	return engine
}}

func TestConformance(t *testing.T) { adaptertest.Run(t, framework) }

func TestSecurity(t *testing.T) { adaptertest.RunSecurity(t, framework) }

func TestRegisterOnEngine(t *testing.T) {
	adaptertest.Run(t, adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
		engine := newEngine(a)
		gloebitgin.Register(engine, a.Merchant)
		pages(a, engine.Group(a.Prefix))
		return engine
	}})
}

func TestPrefixStrippedBeforeEngine(t *testing.T) {
	adaptertest.Run(t, adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
		engine := newEngine(a)
		gloebitgin.Register(engine, a.Merchant)
		pages(a, engine)
		return http.StripPrefix(a.Prefix, engine)
	}})
}

func newEngine(a *adaptertest.App) *gin.Engine {
	engine := gin.New()
	engine.Use(gin.RecoveryWithWriter(io.Discard))
	if a.Sessions != nil {
		engine.Use(gloebitgin.Sessions(a.Sessions))
	}
	return engine
}

func pages(a *adaptertest.App, router gin.IRouter) {
	greet := func(c *gin.Context) {
		client, _ := gloebitgin.FromContext(c)
		c.String(http.StatusOK, "%s", a.Greet(client))
	}
	later := func(c *gin.Context) {
		a.Later(c.Writer.Header())
		c.Next()
	}
	anyone := router.Group("", gloebitgin.Optional(a.Merchant))
	anyone.GET("/optional", greet)
	anyone.GET("/note", func(c *gin.Context) {
		c.Status(http.StatusNoContent) // as gin's users do, before they are done
		a.Remember(c.Request.Context())
	})
	anyone.GET("/noted", func(c *gin.Context) { c.String(http.StatusOK, "%s", a.Recall(c.Request.Context())) })
	anyone.GET("/stream", func(c *gin.Context) {
		a.Stream(c.Request.Context(), func(chunk string) { _, _ = c.Writer.WriteString(chunk) }, c.Writer.Flush)
	})
	anyone.Any("/raw/:what", func(c *gin.Context) { a.Raw(c.Param("what"), c.Writer, c.Request) })
	router.GET("/inventory", gloebitgin.Require(a.Merchant, gloebit.ScopeInventory), later, greet)
	connected := router.Group("", gloebitgin.Require(a.Merchant))
	connected.Any("/private", later, greet)
	connected.GET("/balance", func(c *gin.Context) {
		balance, err := a.Balance(c.Request.Context(), gloebitgin.Client(c))
		if err != nil {
			gloebitgin.Error(c, err)
			return
		}
		c.String(http.StatusOK, "%s", balance)
	})
	connected.GET("/panic", func(*gin.Context) { panic("the hat stand fell over") })
	connected.Any("/fail/:what", func(c *gin.Context) { gloebitgin.Error(c, a.Failure(c.Param("what"))) }, later)
}
