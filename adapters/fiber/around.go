package gloebitfiber

import (
	"bytes"
	"io"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v3"
)

// around runs the rest of fiber's chain inside a net/http middleware, with its
// context. If the middleware writes a response, that replaces the chain's.
func around(c fiber.Ctx, middleware func(http.Handler) http.Handler, next func() error) (err error) {
	outer := c.Context()
	defer c.SetContext(outer)
	handler := middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.SetContext(r.Context())
		err = next()
	}))
	if failed := serve(c, handler); failed != nil {
		return failed
	}
	return err
}

// serve calls a net/http handler.
func serve(c fiber.Ctx, handler http.Handler) error {
	r, err := request(c)
	if err != nil {
		return fiber.ErrBadRequest
	}
	w := &writer{header: http.Header{}}
	handler.ServeHTTP(w, r)
	w.send(c)
	return nil
}

// request converts fiber's request to net/http. It copies all strings, because
// fiber reuses their memory and stores may keep them. The body is only read by
// handlers that need it.
func request(c fiber.Ctx) (*http.Request, error) {
	uri := string(c.Request().RequestURI())
	target, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: string(c.Request().Header.Method()), URL: target, RequestURI: uri, Host: string(c.Request().Host()),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		RemoteAddr: c.RequestCtx().RemoteAddr().String(), TLS: c.RequestCtx().TLSConnectionState(),
		ContentLength: int64(c.Request().Header.ContentLength()), Body: &body{c: c},
	}
	for name, value := range c.Request().Header.All() {
		r.Header.Add(string(name), string(value))
	}
	r.Header.Del("Host")
	return r.WithContext(c.Context()), nil
}

// body is the request's body. It is copied at the first read.
type body struct {
	c      fiber.Ctx
	reader *bytes.Reader
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if b.reader == nil {
		b.reader = bytes.NewReader(b.c.Request().Body())
	}
	return b.reader.Read(p)
}

// Close implements [io.Closer].
func (*body) Close() error { return nil }

// writer buffers what a net/http handler writes.
type writer struct {
	header http.Header
	status int // zero if nothing was written
	body   bytes.Buffer
}

var _ io.StringWriter = (*writer)(nil)

// Header implements [http.ResponseWriter].
func (w *writer) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// WriteString implements [io.StringWriter].
func (w *writer) WriteString(s string) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.WriteString(s)
}

// send puts the headers into fiber's response and, if one was written, the
// response in place of fiber's.
func (w *writer) send(c fiber.Ctx) {
	response := c.Response()
	if w.status != 0 {
		response.ResetBody()
		// They describe the replaced response. The application's other headers
		// stay.
		for _, name := range []string{
			"Location", "Refresh", "Hx-Redirect", "Hx-Location", "Content-Type", "Content-Length", "Content-Encoding",
			"Content-Range", "Content-Disposition", "Etag", "Last-Modified",
		} {
			response.Header.Del(name)
		}
		response.SetStatusCode(w.status)
		response.SetBodyRaw(w.body.Bytes())
		response.Header.SetNoDefaultContentType(w.header.Get("Content-Type") == "")
	}
	for name, values := range w.header {
		if w.status != 0 && name != "Set-Cookie" && name != "Vary" {
			response.Header.Del(name)
		}
		for _, value := range values {
			response.Header.Add(name, value)
		}
	}
}
