package gloebitgorilla

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/gorilla/sessions"
)

// visit is the session of one request.
type visit struct {
	sessions *Sessions
	request  *http.Request
	id       string // under which the session was found; empty when it is new or lives in its cookie

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

// renew lets the store forget the session's id. Stores make a new one when they
// save a session without. Of one that has ended since this request found it
// nothing goes on.
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
		old.Options.MaxAge = -1 // by which gorilla's stores delete
		if err := store.Save(v.request, headerOnly{}, old); err != nil {
			return fmt.Errorf("gloebitgorilla: forget the session's old id: %w", err)
		}
		v.session.ID, v.session.IsNew = "", true // stores in SQL update what is not new
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

// Save implements connect.SavedSession: the session with its cookie in the header, if
// it was changed. If not, it does not wait.
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
	if err := v.session.Save(v.request, w); err != nil {
		return err
	}
	v.changed = false
	w.Header().Add("Cache-Control", `no-cache="Set-Cookie"`)
	return nil
}

func (v *visit) wasChanged() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.changed
}

// alone waits until no other request of this process ends or saves the session,
// and returns what lets the next one go on.
func (v *visit) alone() (release func()) {
	if v.id == "" {
		return func() {}
	}
	release, err := v.sessions.locks.Lock(context.WithoutCancel(v.request.Context()), v.id)
	if err != nil {
		panic(err) // a context that never ends gives a turn
	}
	return release
}

// ended reports whether the store has lost the session since this request found
// it, by a sign-out or a new id in another one. To save it would bring it back for
// the holder of the old cookie: what this request changed is lost, and its answer
// goes out.
func (v *visit) ended() (bool, error) {
	if v.id == "" || v.session.ID != v.id { // it has its new id from this request
		return false, nil
	}
	now, err := v.sessions.config.Store.New(v.request, v.session.Name())
	if now == nil || err != nil && !isStale(err) {
		return false, fmt.Errorf("gloebitgorilla: look whether the session has ended: %w", err)
	}
	return now.IsNew && (now.ID == v.id || now.ID == ""), nil // else the application has changed the id outside LoadAndSave
}

// Fail implements connect.SavedSession.
func (v *visit) Fail(w http.ResponseWriter, err error) {
	v.sessions.config.ErrorHandler(w, v.request, fmt.Errorf("%w: save the session: %w", gloebit.ErrStore, err))
}

// headerOnly takes the cookie with which a store tells a browser to forget a
// session, so that the browser never sees it: the session goes on.
type headerOnly struct{}

func (headerOnly) Header() http.Header         { return http.Header{} }
func (headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (headerOnly) WriteHeader(int)             {}
