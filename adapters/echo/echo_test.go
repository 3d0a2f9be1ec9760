package gloebitecho_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	gloebitecho "github.com/go-gloebit/gloebit/adapters/echo"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
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

func quietEcho() *echo.Echo {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	return e
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
	put := func(c *echo.Context) { sessions.Put(c.Request().Context(), "hat", "green") }
	for name, handler := range map[string]echo.HandlerFunc{
		"with a flush before anything is written": func(c *echo.Context) error {
			put(c)
			c.Response().(http.Flusher).Flush()
			return nil
		},
		"with a flush by http.ResponseController": func(c *echo.Context) error {
			put(c)
			return http.NewResponseController(c.Response()).Flush()
		},
		"with the header alone": func(c *echo.Context) error { put(c); return c.NoContent(http.StatusNoContent) },
		"with nothing":          func(c *echo.Context) error { put(c); return nil },
		"with a redirect":       func(c *echo.Context) error { put(c); return c.Redirect(http.StatusSeeOther, "/recall") },
		"with JSON":             func(c *echo.Context) error { put(c); return c.JSON(http.StatusOK, "green") },
		"with a stream": func(c *echo.Context) error {
			put(c)
			return c.Stream(http.StatusOK, "text/plain", http.NoBody)
		},
		"with an error of echo's": func(c *echo.Context) error {
			put(c)
			return echo.NewHTTPError(http.StatusTeapot, "a pot")
		},
		"with an error": func(c *echo.Context) error { put(c); return errors.New("no hats") },
	} {
		t.Run(name, func(t *testing.T) {
			e := quietEcho()
			e.Use(gloebitecho.Sessions(sessions))
			e.GET("/put", handler)
			e.GET("/recall", func(c *echo.Context) error {
				return c.String(http.StatusOK, sessions.GetString(c.Request().Context(), "hat"))
			})
			_, body := visit(t, e, "/put", "/recall")
			require.Equal(t, "green", body)
		})
	}
}

func TestTheErrorHandlerMayChangeTheSession(t *testing.T) {
	sessions := newSessions()
	e := quietEcho()
	e.HTTPErrorHandler = func(c *echo.Context, err error) {
		if r, _ := echo.UnwrapResponse(c.Response()); r != nil && r.Committed {
			return
		}
		sessions.Put(c.Request().Context(), "trouble", "no hats")
		_ = c.String(http.StatusTeapot, "sorry")
	}
	e.Use(gloebitecho.Sessions(sessions))
	e.GET("/fail", func(*echo.Context) error { return errors.New("no hats") })
	e.GET("/recall", func(c *echo.Context) error {
		return c.String(http.StatusOK, sessions.GetString(c.Request().Context(), "trouble"))
	})
	response, body := visit(t, e, "/fail")
	require.Equal(t, http.StatusTeapot, response.StatusCode)
	require.Equal(t, "sorry", body)
	_, body = visit(t, e, "/fail", "/recall")
	require.Equal(t, "no hats", body)
}

func TestMiddlewareAroundSeesEchoErrors(t *testing.T) {
	m := newMerchant(t, "https://shop.example/gloebit/callback")
	broken := fmt.Errorf("buy: %w", gloebit.ErrInsufficientBalance)
	for name, c := range map[string]struct {
		middleware []echo.MiddlewareFunc
		handler    echo.HandlerFunc
		status     int
		cause      error
	}{
		"of a refusal": {
			[]echo.MiddlewareFunc{gloebitecho.Require(m)}, func(*echo.Context) error { return nil }, http.StatusUnauthorized,
			nil,
		},
		"of a handler's failure": {
			[]echo.MiddlewareFunc{gloebitecho.Optional(m)}, func(*echo.Context) error { return broken },
			http.StatusPaymentRequired, gloebit.ErrInsufficientBalance,
		},
		"through both": {
			[]echo.MiddlewareFunc{gloebitecho.Optional(m), gloebitecho.Optional(m)}, func(*echo.Context) error { return broken },
			http.StatusPaymentRequired, gloebit.ErrInsufficientBalance,
		},
		"of Error without a merchant": {
			nil, func(c *echo.Context) error { return gloebitecho.Error(c, broken) }, http.StatusPaymentRequired,
			gloebit.ErrInsufficientBalance,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var seen error
			e := quietEcho()
			e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
				return func(c *echo.Context) error { seen = next(c); return seen }
			})
			e.GET("/", c.handler, c.middleware...)
			response, body := visit(t, e, "/")
			require.Equal(t, c.status, response.StatusCode)
			require.Equal(t, c.status, echo.StatusCode(seen))
			require.NotContains(t, body, "buy:")
			if c.cause != nil {
				require.ErrorIs(t, seen, c.cause)
			}
		})
	}
}

func TestOtherErrorsAreLeftToEcho(t *testing.T) {
	m := newMerchant(t, "https://shop.example/gloebit/callback")
	for name, c := range map[string]struct {
		err    error
		status int
	}{
		"an error of echo's around one of gloebit": {echo.ErrNotFound.Wrap(gloebit.ErrNotConnected), http.StatusNotFound},
		"an error of the application":              {errors.New("no hats"), http.StatusInternalServerError},
		"a deadline of the application":            {context.DeadlineExceeded, http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			e := quietEcho()
			e.GET("/", func(*echo.Context) error { return c.err }, gloebitecho.Optional(m))
			response, body := visit(t, e, "/")
			require.Equal(t, c.status, response.StatusCode)
			require.JSONEq(t, `{"message": "`+http.StatusText(c.status)+`"}`, body)
		})
	}
	t.Run("an error after the response", func(t *testing.T) {
		e := quietEcho()
		e.GET("/", func(c *echo.Context) error {
			_ = c.String(http.StatusOK, "half a page")
			return gloebit.ErrNotConnected
		}, gloebitecho.Optional(m))
		_, body := visit(t, e, "/")
		require.Equal(t, "half a page", body)
	})
}

func TestRegisterPanicsForUnrelatedGroup(t *testing.T) {
	require.PanicsWithValue(t, "gloebitecho: the group /admin is not on the way to /gloebit/connect, which lies "+
		"beside Config.RedirectURL", func() {
		gloebitecho.Register(echo.New().Group("/admin"), newMerchant(t, "https://shop.example/gloebit/callback"))
	})
}

func TestRegisterAtRootKeepsOtherRoutes(t *testing.T) {
	e := quietEcho()
	e.GET("/hats", func(c *echo.Context) error { return c.String(http.StatusOK, "hats") })
	gloebitecho.Register(e, newMerchant(t, "https://shop.example/callback"))
	_, body := visit(t, e, "/hats")
	require.Equal(t, "hats", body)
	response, _ := visit(t, e, "/callback")
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
}

func TestPanicDiscardsSessionChanges(t *testing.T) {
	sessions := newSessions()
	e := quietEcho()
	e.Use(middleware.Recover(), gloebitecho.Sessions(sessions))
	e.GET("/put", func(c *echo.Context) error {
		sessions.Put(c.Request().Context(), "hat", "green")
		panic("the hat stand fell over")
	})
	e.GET("/recall", func(c *echo.Context) error {
		return c.String(http.StatusOK, sessions.GetString(c.Request().Context(), "hat"))
	})
	response, _ := visit(t, e, "/put")
	require.Equal(t, http.StatusInternalServerError, response.StatusCode)
	require.Empty(t, response.Cookies())
	_, body := visit(t, e, "/put", "/recall")
	require.Empty(t, body)
}

func TestRedirectToConnectIsNotAnError(t *testing.T) {
	m := newMerchant(t, "https://shop.example/gloebit/callback")
	seen := errors.New("not called")
	e := quietEcho()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error { seen = next(c); return seen }
	})
	e.GET("/refused", func(*echo.Context) error { return nil }, gloebitecho.Require(m))
	e.GET("/failed", func(*echo.Context) error { return gloebit.ErrNotConnected }, gloebitecho.Optional(m))
	for _, path := range []string{"/refused", "/failed"} {
		request := httptest.NewRequest(http.MethodGet, path, nil)
		request.Header.Set("Accept", "text/html")
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, request)
		require.Equal(t, http.StatusSeeOther, recorder.Code)
		require.NoError(t, seen)
	}
}
