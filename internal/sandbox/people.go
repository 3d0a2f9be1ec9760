package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit/gloebittest"
)

const (
	maxUserName = 40
	// listedUsers is how many users the sign-in page offers as buttons. Other
	// users type their name.
	listedUsers = 12
)

// signedIn returns the user of the request's session, or nil.
func (s *Sandbox) signedIn(r *http.Request) *gloebittest.User {
	id := s.sessions.user(r)
	if id == "" {
		return nil
	}
	user, ok := s.gloebit.User(id)
	if !ok {
		return nil
	}
	return &user
}

// mustSignIn returns the user. Without one, it redirects the browser to the
// sign-in and then back here, and returns nil.
func (s *Sandbox) mustSignIn(w http.ResponseWriter, r *http.Request) *gloebittest.User {
	user := s.signedIn(r)
	if user == nil {
		next := r.URL.RequestURI()
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !isAuthorize(r.URL.Path) {
			next = "/account" // the form's URL has no GET page
		}
		http.Redirect(w, r, signInURL(next), http.StatusSeeOther)
	}
	return user
}

func signInURL(next string) string { return "/sign-in?next=" + url.QueryEscape(next) }

// isAuthorize reports whether a path is of a page whose form posts to the same
// URL.
func isAuthorize(path string) bool {
	path = strings.Trim(path, "/")
	return path == "oauth2/authorize" || path == "oauth/authorize" || strings.HasPrefix(path, "authorize-subscription/")
}

// findUser finds a user by name, ignoring surrounding spaces and case. A name
// in the same case takes precedence.
func (s *Sandbox) findUser(name string) (gloebittest.User, bool) {
	name = strings.TrimSpace(name)
	var found gloebittest.User
	ok := false
	for _, user := range s.gloebit.Users() {
		if user.Name == name {
			return user, true
		}
		if !ok && strings.EqualFold(user.Name, name) {
			found, ok = user, true
		}
	}
	return found, ok
}

// addUser creates a user.
func (s *Sandbox) addUser(name string) (gloebittest.User, error) {
	name = strings.TrimSpace(name)
	if err := checkName(name, maxUserName); err != nil {
		return gloebittest.User{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.findUser(name); taken {
		return gloebittest.User{}, errors.New("there is already an account of that name")
	}
	return s.gloebit.AddUser(gloebittest.User{Name: name, Balance: strconv.Itoa(openingBalance)})
}

// checkName returns an error for a name that is empty, too long, or not
// printable.
func checkName(name string, limit int) error {
	switch {
	case name == "":
		return errors.New("a name is needed")
	case utf8.RuneCountInString(name) > limit:
		return errors.New("the name is too long: " + strconv.Itoa(limit) + " letters at most")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return errors.New("the name has characters that can't be shown")
	}
	return nil
}

// sentence formats an error for a page.
func sentence(err error) string {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}
