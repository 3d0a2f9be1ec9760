// Package enginetest is what tests of other packages of this module see of a
// Connector's insides.
package enginetest

import (
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

// Hooks look into a Connector.
type Hooks struct {
	Sessions      *scs.SessionManager            // the package's own
	BoundSessions func(most int)                 // bounds how many sessions there may be
	CountSessions func() int                     // counts them
	DumpSessions  func() string                  // their keys and data, as they are in memory
	RefreshWithin func(time.Duration)            // bounds a refresh, with the wait for others
	SignInAs      func(user string) *http.Cookie // a session of the user with that id
}
