package sandbox

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

const (
	// cookieName is specific, because cookies are shared by all ports of a
	// host: a shop on another port uses the same cookie jar.
	cookieName  = "gloebit_sandbox_session"
	sessionLife = 7 * 24 * time.Hour
	// maxSessions limits the memory for sessions. Beyond it, the oldest session
	// ends.
	maxSessions = 10_000
)

// session is the session of one cookie.
type session struct {
	user    string // Gloebit id
	expires time.Time
}

// sessions holds the sessions in memory, so a restart signs everyone out. It is
// safe for concurrent use.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[string]session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, byID: map[string]session{}}
}

// user returns the Gloebit ID of the session's user, or "".
func (s *sessions) user(r *http.Request) string {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.byID[c.Value]
	if !ok || !found.expires.After(s.now()) {
		delete(s.byID, c.Value)
		return ""
	}
	return found.user
}

// signIn ends the browser's session, if it has one, and starts another with a
// new ID, to prevent session fixation.
func (s *sessions) signIn(w http.ResponseWriter, r *http.Request, user string) {
	s.drop(r)
	id := rand.Text()
	s.mu.Lock()
	s.makeRoom()
	s.byID[id] = session{user: user, expires: s.now().Add(sessionLife)}
	s.mu.Unlock()
	http.SetCookie(w, cookie(r, id, int(sessionLife/time.Second)))
}

// signOut ends the session and deletes the cookie.
func (s *sessions) signOut(w http.ResponseWriter, r *http.Request) {
	s.drop(r)
	http.SetCookie(w, cookie(r, "", -1))
}

func (s *sessions) drop(r *http.Request) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, c.Value)
}

// makeRoom removes expired sessions and, if that is not enough, the one that
// expires first.
func (s *sessions) makeRoom() {
	if len(s.byID) < maxSessions {
		return
	}
	oldest, when := "", time.Time{}
	for id, found := range s.byID {
		if !found.expires.After(s.now()) {
			delete(s.byID, id)
			continue
		}
		if oldest == "" || found.expires.Before(when) {
			oldest, when = id, found.expires
		}
	}
	if len(s.byID) >= maxSessions {
		delete(s.byID, oldest)
	}
}

func cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name:     cookieName,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		HttpOnly: true,
		Secure:   r.TLS != nil,
		SameSite: http.SameSiteLaxMode,
	}
}
