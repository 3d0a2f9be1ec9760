package gloebitgin_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	gloebitgin "github.com/go-gloebit/gloebit/adapters/gin"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// writing are handlers that need more of gin's writer than net/http promises.
var writing = map[string]struct {
	handler gin.HandlerFunc
	status  int
}{
	"stream": {func(c *gin.Context) {
		c.Stream(func(w io.Writer) bool { _, _ = io.WriteString(w, "hello\n"); return false })
	}, http.StatusOK},
	"hijack": {func(c *gin.Context) {
		conn, _, err := c.Writer.Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello\n")
	}, http.StatusSwitchingProtocols},
}

// TestEngineInsideTheMiddleware checks an engine inside net/http middleware,
// where gin writes to the writer of the package's own sessions.
func TestEngineInsideTheMiddleware(t *testing.T) {
	for name, c := range writing {
		t.Run(name, func(t *testing.T) {
			engine := gin.New()
			engine.GET("/", c.handler)
			m := newMerchant(t, "https://shop.example/gloebit/callback")
			requireHello(t, m.Optional(engine), c.status)
		})
	}
}

// counted is a session manager that counts how often it saves.
type counted struct{ saves int }

func (m *counted) Save(http.ResponseWriter) error      { m.saves++; return nil }
func (m *counted) Fail(_ http.ResponseWriter, e error) { panic(e) }
func (m *counted) LoadAndSave(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&connect.SaveWriter{ResponseWriter: w, Session: m}, r)
	})
}

func TestSessionIsSavedBeforeTheWriterIsUsed(t *testing.T) {
	for name, c := range writing {
		t.Run(name, func(t *testing.T) {
			manager := new(counted)
			engine := gin.New()
			engine.Use(gloebitgin.Sessions(manager))
			engine.GET("/", func(ctx *gin.Context) {
				c.handler(ctx)
				require.Equal(t, 1, manager.saves)
			})
			requireHello(t, engine, c.status)
		})
	}
}

// requireHello requires a response whose first line is hello.
func requireHello(t *testing.T, handler http.Handler, status int) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, status, response.StatusCode)
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "hello\n", line)
}
