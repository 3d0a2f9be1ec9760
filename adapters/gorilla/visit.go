package gloebitgorilla

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/gorilla/sessions"
)

// visit is the session of one request.
type visit struct {
	sessions *Sessions
	request  *http.Request
	id       string // the ID the session was found under; empty if it is new or kept in its cookie

	mu      sync.Mutex
	session *sessions.Session
	changed bool
}

func (v *visit) get(key string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	value, _ := v.session.Values[key].(string)
	return value
}

func (v *visit) put(key string, value any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.session.Values[key] = value
	v.changed = true
}

func (v *visit) remove(key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.session.Values[key]; ok {
		delete(v.session.Values, key)
		v.changed = true
	}
}

// renew deletes the session's ID from the store, which chooses a new one when
// it saves the session. If the session has ended since this request found it,
// its values are dropped.
func (v *visit) renew() error {
	defer v.alone()()
	v.mu.Lock()
	defer v.mu.Unlock()
	ended, err := v.ended()
	if err != nil {
		return err
	}
	if ended {
		clear(v.session.Values)
	}
	if v.session.ID != "" {
		store := v.session.Store()
		old := sessions.NewSession(store, v.session.Name())
		old.ID = v.session.ID
		*old.Options = v.options()
		old.Options.MaxAge = -1 // gorilla's stores delete it then
		if err := store.Save(v.request, headerOnly{}, old); err != nil {
			return fmt.Errorf("gloebitgorilla: forget the session's old id: %w", err)
		}
		v.session.ID, v.session.IsNew = "", true // SQL stores would otherwise update the deleted row
	}
	v.changed = true
	return nil
}

func (v *visit) options() sessions.Options {
	if v.session.Options == nil {
		return sessions.Options{}
	}
	return *v.session.Options
}

func (v *visit) lifetime() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if seconds := v.options().MaxAge; seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return v.sessions.config.Lifetime
}

// Save implements connect.SavedSession: it saves a changed session and adds its
// cookie to the header. If the session is unchanged, it returns without
// waiting.
func (v *visit) Save(w http.ResponseWriter) error {
	if !v.wasChanged() {
		return nil
	}
	defer v.alone()()
	v.mu.Lock()
	defer v.mu.Unlock()
	if ended, err := v.ended(); ended || err != nil {
		return err
	}
	header, err := v.fit()
	if err != nil {
		return err
	}
	for name, values := range header {
		for _, value := range values {
			w.Header().Add(name, value)
		}
	}
	v.changed = false
	w.Header().Add("Cache-Control", `no-cache="Set-Cookie"`)
	return nil
}

// maxCookie is how many bytes of a cookie's name and value browsers accept (RFC
// 6265 section 6.1, RFC 6265bis section 5.7).
const maxCookie = 4096

// fit saves the session and returns the header with its cookie. While the
// cookie is too large for a browser, it drops pages of completed connections
// and the oldest pending connections.
func (v *visit) fit() (http.Header, error) {
	for {
		header := headerOnly{}
		err := v.session.Save(v.request, header)
		size := len(v.session.Name()) + v.valueLength(header)
		if err == nil && size <= maxCookie || err != nil && !strings.Contains(err.Error(), "the value is too long") {
			return http.Header(header), err
		}
		if !v.dropOldest() {
			if err == nil {
				err = fmt.Errorf("its cookie has %d bytes", size)
			}
			return nil, fmt.Errorf("gloebitgorilla: the session is too large for a cookie, of which browsers keep %d bytes: "+
				"keep less in it, or use a store on the server: %w", maxCookie, err)
		}
	}
}

// valueLength returns the length of the session's value in a Set-Cookie header.
func (v *visit) valueLength(header headerOnly) int {
	for _, cookie := range (&http.Response{Header: http.Header(header)}).Cookies() {
		if cookie.Name == v.session.Name() {
			return len(cookie.Value)
		}
	}
	return 0
}

// dropOldest drops the page of a completed connection, or the oldest pending
// connection unless it is the only one. It reports whether it dropped anything.
func (v *visit) dropOldest() bool {
	for name, value := range v.session.Values {
		key, _ := name.(string)
		list, _ := value.(string)
		switch _, later, more := strings.Cut(list, " "); {
		case strings.HasSuffix(key, ".done"):
			delete(v.session.Values, name)
			return true
		case strings.HasSuffix(key, ".pending") && more:
			v.session.Values[name] = later
			return true
		}
	}
	return false
}

func (v *visit) wasChanged() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.changed
}

// alone waits until no other request of this process ends or saves the session.
// Call release to let the next one continue.
func (v *visit) alone() (release func()) {
	if v.id == "" {
		return func() {}
	}
	release, err := v.sessions.locks.Lock(context.WithoutCancel(v.request.Context()), v.id)
	if err != nil {
		panic(err) // not reached: the context never ends
	}
	return release
}

// ended reports whether the store has lost the session since this request found
// it, because another request signed out or renewed the ID. Saving it would
// restore it for a client with the old cookie. So this request's changes are
// dropped, and its response is sent.
func (v *visit) ended() (bool, error) {
	if v.id == "" || v.session.ID != v.id { // this request has renewed the ID
		return false, nil
	}
	now, err := v.sessions.config.Store.New(v.request, v.session.Name())
	if now == nil || err != nil && !isStale(err) {
		return false, fmt.Errorf("gloebitgorilla: look whether the session has ended: %w", err)
	}
	// with another ID, the application has renewed it outside LoadAndSave
	return now.IsNew && (now.ID == v.id || now.ID == ""), nil
}

// Fail implements connect.SavedSession.
func (v *visit) Fail(w http.ResponseWriter, err error) {
	v.sessions.fail(w, v.request, fmt.Errorf("%w: save the session: %w", gloebit.ErrStore, err))
}

// headerOnly is a response writer that receives a store's cookie. It may never
// be sent.
type headerOnly http.Header

func (h headerOnly) Header() http.Header       { return http.Header(h) }
func (headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (headerOnly) WriteHeader(int)             {}
