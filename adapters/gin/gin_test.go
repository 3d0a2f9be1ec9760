package gloebitgin_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
	gloebitgin "github.com/go-gloebit/gloebit/adapters/gin"
	"github.com/stretchr/testify/require"
)

func newSessions() *scs.SessionManager {
	sessions := scs.New()
	sessions.Store = memstore.NewWithCleanupInterval(0)
	return sessions
}

func newMerchant(t *testing.T, redirectURL string) *gloebit.Merchant {
	t.Helper()
	m, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox(), RedirectURL: redirectURL, SignIn: true,
	})
	require.NoError(t, err)
	return m
}

// visit gets the paths one after the other, with the cookies of one browser.
func visit(t *testing.T, handler http.Handler, paths ...string) (last *http.Response, body string) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar}
	for _, path := range paths {
		last, err = client.Get(server.URL + path)
		require.NoError(t, err)
		read, err := io.ReadAll(last.Body)
		require.NoError(t, err)
		require.NoError(t, last.Body.Close())
		body = string(read)
	}
	return last, body
}

func TestSessionIsSavedForEveryKindOfResponse(t *testing.T) {
	sessions := newSessions()
	put := func(c *gin.Context) { sessions.Put(c.Request.Context(), "hat", "green") }
	for name, handler := range map[string]gin.HandlerFunc{
		"with a flush before anything is written": func(c *gin.Context) { put(c); c.Writer.Flush() },
		"with a flush by http.ResponseController": func(c *gin.Context) {
			put(c)
			_ = http.NewResponseController(c.Writer).Flush()
		},
		"with a stream of gin's": func(c *gin.Context) { put(c); c.Stream(func(io.Writer) bool { return false }) },
		"with the header alone":  func(c *gin.Context) { put(c); c.Writer.WriteHeaderNow() },
		"with a status alone":    put,
		"after the status was set": func(c *gin.Context) {
			c.Status(http.StatusAccepted)
			put(c)
			c.String(http.StatusAccepted, "yes")
		},
		"with a redirect": func(c *gin.Context) { put(c); c.Redirect(http.StatusSeeOther, "/recall") },
		"with JSON":       func(c *gin.Context) { put(c); c.JSON(http.StatusOK, gin.H{"hat": "green"}) },
		"with an abort":   func(c *gin.Context) { put(c); c.AbortWithStatus(http.StatusTeapot) },
	} {
		t.Run(name, func(t *testing.T) {
			engine := gin.New()
			engine.Use(gloebitgin.Sessions(sessions))
			engine.GET("/put", handler)
			engine.GET("/recall", func(c *gin.Context) {
				c.String(http.StatusOK, sessions.GetString(c.Request.Context(), "hat"))
			})
			_, body := visit(t, engine, "/put", "/recall")
			require.Equal(t, "green", body)
		})
	}
}

func TestGinReportsStatusAndSize(t *testing.T) {
	engine := gin.New()
	var status, size int
	var written bool
	engine.Use(func(c *gin.Context) {
		c.Next()
		status, size, written = c.Writer.Status(), c.Writer.Size(), c.Writer.Written()
	}, gloebitgin.Sessions(newSessions()))
	engine.GET("/", func(c *gin.Context) { c.String(http.StatusTeapot, "a pot") })
	response, body := visit(t, engine, "/")
	require.Equal(t, http.StatusTeapot, response.StatusCode)
	require.Equal(t, "a pot", body)
	require.Equal(t, []any{http.StatusTeapot, 5, true}, []any{status, size, written})
	response, body = visit(t, engine, "/nowhere")
	require.Equal(t, http.StatusNotFound, response.StatusCode)
	require.Equal(t, "404 page not found", body)
}

func TestErrorIsAddedToGinContext(t *testing.T) {
	broken := errors.New("no hats")
	m := newMerchant(t, "https://shop.example/gloebit/callback")
	for name, middleware := range map[string]gin.HandlersChain{
		"behind the middleware": {gloebitgin.Optional(m)},
		"without a merchant":    {},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			engine := gin.New()
			engine.Use(gin.LoggerWithWriter(&log))
			engine.Use(middleware...)
			engine.GET("/", func(c *gin.Context) { gloebitgin.Error(c, broken) }, func(*gin.Context) { panic("not aborted") })
			response, body := visit(t, engine, "/")
			require.Equal(t, http.StatusInternalServerError, response.StatusCode)
			require.NotContains(t, body, "no hats")
			require.Contains(t, log.String(), "no hats")
		})
	}
}

func TestClientPanicsWithoutRequireGloebit(t *testing.T) {
	engine := gin.New()
	engine.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, p any) {
		c.String(http.StatusInternalServerError, "%v", p)
	}))
	engine.GET("/", func(c *gin.Context) { gloebitgin.Client(c) })
	_, body := visit(t, engine, "/")
	require.Contains(t, body, "RequireGloebit")
}

func TestRegisterPanicsForUnrelatedGroup(t *testing.T) {
	for base, redirectURL := range map[string]string{
		"/admin": "https://shop.example/gloebit/callback",
		"/glo":   "https://shop.example/gloebit/callback",
	} {
		require.PanicsWithValue(t, "gloebitgin: the group "+base+
			" is not on the way to /gloebit/connect, which lies beside Config.RedirectURL", func() {
			gloebitgin.Register(gin.New().Group(base), newMerchant(t, redirectURL))
		})
	}
}

func TestRegisterAtRootKeepsOtherRoutes(t *testing.T) {
	engine := gin.New()
	engine.GET("/hats", func(c *gin.Context) { c.String(http.StatusOK, "hats") })
	gloebitgin.Register(engine, newMerchant(t, "https://shop.example/callback"))
	_, body := visit(t, engine, "/hats")
	require.Equal(t, "hats", body)
	response, _ := visit(t, engine, "/callback")
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
}

func TestPanicDiscardsSessionChanges(t *testing.T) {
	sessions := newSessions()
	engine := gin.New()
	engine.Use(gin.RecoveryWithWriter(io.Discard), gloebitgin.Sessions(sessions))
	engine.GET("/put", func(c *gin.Context) {
		sessions.Put(c.Request.Context(), "hat", "green")
		panic("the hat stand fell over")
	})
	engine.GET("/recall", func(c *gin.Context) { c.String(http.StatusOK, sessions.GetString(c.Request.Context(), "hat")) })
	response, _ := visit(t, engine, "/put")
	require.Equal(t, http.StatusInternalServerError, response.StatusCode)
	require.Empty(t, response.Cookies())
	_, body := visit(t, engine, "/put", "/recall")
	require.Empty(t, body)
}

// counting is a session manager that counts how often it sees a header.
type counting struct{ headers int }

func (m *counting) LoadAndSave(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(countingWriter{w, m}, r) })
}

type countingWriter struct {
	http.ResponseWriter
	manager *counting
}

func (w countingWriter) WriteHeader(status int) {
	w.manager.headers++
	w.ResponseWriter.WriteHeader(status)
}

func TestSessionManagerSeesOneWriteHeader(t *testing.T) {
	manager := new(counting)
	engine := gin.New()
	engine.Use(gloebitgin.Sessions(manager))
	engine.GET("/", func(c *gin.Context) {
		c.Status(http.StatusAccepted)
		c.Writer.WriteHeaderNow()
		_, _ = c.Writer.WriteString("a ")
		_, _ = c.Writer.Write([]byte("hat"))
		c.Writer.Flush()
	})
	response, body := visit(t, engine, "/")
	require.Equal(t, http.StatusAccepted, response.StatusCode)
	require.Equal(t, "a hat", body)
	require.Equal(t, 1, manager.headers)
}
