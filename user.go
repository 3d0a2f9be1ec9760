package gloebit

import (
	"errors"
	"net/http"
)

// User is a user of the application.
type User struct {
	// ID is the key of the user's credential: unique, never another's later,
	// at most 255 bytes.
	ID string
	// Name is what Gloebit shows and logs as the user's name on the
	// application. Empty means ID.
	Name string
}

// currentUser tells who makes the request. ErrNotConnected means that nobody
// is known who could be.
func (m *Merchant) currentUser(r *http.Request) (User, error) {
	if m.config.User != nil {
		user, err := m.config.User(r)
		switch {
		case errors.Is(err, ErrNoUser):
			return User{}, err
		case err != nil:
			return User{}, storeError("find the user", err)
		case user.ID == "":
			return User{}, ErrNoUser
		}
		return user, nil
	}
	id, err := m.session(r.Context(), sessionUserID)
	switch {
	case err != nil:
		return User{}, err
	case id == "":
		return User{}, ErrNotConnected
	}
	name, err := m.session(r.Context(), sessionName)
	return User{ID: id, Name: name}, err
}

// connectingUser tells who starts a connection. With SignIn nobody needs to be
// known; a session that is a user by itself becomes one here.
func (m *Merchant) connectingUser(r *http.Request) (User, error) {
	user, err := m.currentUser(r)
	if m.config.User != nil || !errors.Is(err, ErrNotConnected) {
		return user, err
	}
	if m.config.SignIn {
		return User{}, nil
	}
	user.ID = "session:" + newNonce()
	m.sessions.Put(r.Context(), sessionUserID, user.ID)
	return user, nil
}

// returningUser tells who comes back. It must be who started, but with SignIn
// nobody needs to be known, and another tab may have signed in meanwhile.
func (m *Merchant) returningUser(r *http.Request, pending PendingConnection) (User, error) {
	user, err := m.currentUser(r)
	if err != nil && !errors.Is(err, ErrNotConnected) {
		return User{}, err
	}
	if m.config.SignIn && pending.UserID == "" {
		return user, nil
	}
	if user.ID != pending.UserID {
		return User{}, ErrUserChanged
	}
	return user, nil
}
