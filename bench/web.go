package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
)

// page is a ResponseWriter that is reused, so that no side pays for it.
type page struct {
	header http.Header
	status int
	body   []byte
}

func newPage() *page { return &page{header: http.Header{}} }

func (p *page) reset() {
	clear(p.header)
	p.status, p.body = 0, p.body[:0]
}

// Header implements [http.ResponseWriter].
func (p *page) Header() http.Header { return p.header }

// WriteHeader implements [http.ResponseWriter].
func (p *page) WriteHeader(status int) {
	if p.status == 0 {
		p.status = status
	}
}

// Write implements [http.ResponseWriter].
func (p *page) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	p.body = append(p.body, b...)
	return len(b), nil
}

// WriteString implements [io.StringWriter].
func (p *page) WriteString(s string) (int, error) {
	p.WriteHeader(http.StatusOK)
	p.body = append(p.body, s...)
	return len(s), nil
}

// site is a way to identify the user of a request.
type site struct {
	protect func(http.Handler) http.Handler
	user    func(context.Context) string // the request's user, inside protect
	// call asks Gloebit for the name of the token's user. It is nil if the site
	// provides no client.
	call   func(context.Context) (string, error)
	header http.Header // the browser's request headers
}

// side requests a page that shows the user. The answer is that page and, if the
// site provides a client, the result of a call with it.
func (s site) side() Side {
	greet := s.protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, s.user(r.Context())) // a page's Write never fails
	}))
	p, request, template := newPage(), new(http.Request), httptest.NewRequest(http.MethodGet, shopURL+"/", nil)
	template.Header = s.header
	visit := func(h http.Handler) error {
		p.reset()
		*request = *template // a new request each time, as in a server
		h.ServeHTTP(p, request)
		if p.status != http.StatusOK {
			return fmt.Errorf("the page's status is %d", p.status)
		}
		return nil
	}
	return Side{
		Do: func() error { return visit(greet) },
		Answer: func() string {
			answer := string(p.body)
			if s.call == nil {
				return answer
			}
			err := visit(s.protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				owner, err := s.call(r.Context())
				_, _ = fmt.Fprint(w, ", whose token is that of ", owner, err)
			})))
			if err != nil {
				return err.Error()
			}
			return answer + string(p.body)
		},
	}
}

// browser calls handlers and keeps their cookies.
type browser struct {
	header  http.Header // sent with every request, with the cookies
	cookies map[string]string
}

func newBrowser(user string) *browser {
	b := &browser{
		header: http.Header{"Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}}, cookies: map[string]string{},
	}
	if user != "" {
		b.header.Set(userHeader, user)
	}
	return b
}

// request returns a request of the browser.
func (b *browser) request(address string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header = b.header
	return r
}

// visit makes a request and keeps the cookies of the response.
func (b *browser) visit(h http.Handler, address string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, b.request(address))
	response := w.Result()
	for _, cookie := range response.Cookies() {
		b.cookies[cookie.Name] = cookie.Value
	}
	b.header.Del("Cookie")
	r := http.Request{Header: b.header}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return response
}

// start begins a connection, and returns the state in the redirect to Gloebit.
func (b *browser) start(connect http.Handler) (state string, err error) {
	response := b.visit(connect, shopURL+"/gloebit/connect?return_to=/hats")
	to, err := url.Parse(response.Header.Get("Location"))
	if err != nil || response.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("connect answered %s: %w", response.Status, err)
	}
	return to.Query().Get("state"), nil
}

// comeBack returns the callback URL to which Gloebit redirects the browser.
func comeBack(state, code string) string {
	return callback + "?" + url.Values{"state": {state}, "code": {code}}.Encode()
}

// connect makes a full connection.
func (b *browser) connect(h http.Handler) error {
	state, err := b.start(h)
	if err != nil {
		return err
	}
	if response := b.visit(h, comeBack(state, "code")); response.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("the callback answered %s", response.Status)
	}
	return nil
}

// all calls do for each element concurrently, and waits for all.
func all[T any](list []T, do func(T) error) error {
	errs := make([]error, len(list))
	var group sync.WaitGroup
	for i, one := range list {
		group.Go(func() { errs[i] = do(one) })
	}
	group.Wait()
	return errors.Join(errs...)
}
