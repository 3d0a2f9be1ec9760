package oauthtest

import (
	"context"
	"crypto/rand"
	"mime"
	"net/http"
	"slices"
	"time"
)

// Grant is a user's grant to a client: first a code, then tokens.
type Grant struct {
	Client, User, RedirectURI, Scope string

	Code     string // empty after it was used
	CodeEnds time.Time

	Access, Refresh         string // empty before the exchange
	Issued                  time.Time
	AccessEnds, RefreshEnds time.Time // zero means never

	// Replaced holds the refresh token that Refresh replaced. ReplacedAt is the
	// number of the last request that had arrived by then.
	Replaced   string
	ReplacedAt int
}

// Grants are the grants of a server. Only its handlers, and functions that are
// given to [Server.Do], may use them.
type Grants struct {
	clock func() time.Time
	list  []*Grant
}

// Add adds a grant.
func (g *Grants) Add(grant *Grant) { g.list = append(g.list, grant) }

// Remove removes the grants that match, and returns how many there were.
func (g *Grants) Remove(match func(*Grant) bool) int {
	before := len(g.list)
	g.list = slices.DeleteFunc(g.list, match)
	return before - len(g.list)
}

// Find returns the first grant that matches, or nil.
func (g *Grants) Find(match func(*Grant) bool) *Grant {
	if i := slices.IndexFunc(g.list, match); i >= 0 {
		return g.list[i]
	}
	return nil
}

// WithCode returns the grant with that code, or nil if there is none or the
// code has expired. A handler that accepts the code must empty it.
func (g *Grants) WithCode(code string) *Grant {
	grant := g.Find(func(grant *Grant) bool { return code != "" && grant.Code == code })
	if grant == nil || ended(grant.CodeEnds, g.clock()) {
		return nil
	}
	return grant
}

// WithAccess returns the grant with that access token, even an expired one, or
// nil.
func (g *Grants) WithAccess(token string) *Grant {
	return g.Find(func(grant *Grant) bool { return token != "" && grant.Access == token })
}

// WithRefresh returns the grant with that refresh token, or nil if there is
// none or the token has expired.
func (g *Grants) WithRefresh(token string) *Grant {
	grant := g.Find(func(grant *Grant) bool { return token != "" && grant.Refresh == token })
	if grant == nil || ended(grant.RefreshEnds, g.clock()) {
		return nil
	}
	return grant
}

// Expired reports whether the access token of a grant has expired.
func (g *Grants) Expired(grant *Grant) bool { return ended(grant.AccessEnds, g.clock()) }

// ended reports whether a time has passed. The last second still counts.
func ended(at, now time.Time) bool { return !at.IsZero() && now.After(at) }

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Text returns random letters and digits.
func Text(length int) string {
	text := make([]byte, 0, length)
	random := make([]byte, 2*length)
	for len(text) < length {
		_, _ = rand.Read(random) // never fails
		for _, b := range random {
			if int(b) < len(alphabet)*4 && len(text) < length { // larger bytes would make some letters more likely
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(text)
}

type arrivalKey struct{}

func withArrival(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, arrivalKey{}, n)
}

// Arrival returns the number of a request, counted from 1 in order of arrival.
func Arrival(r *http.Request) int {
	n, _ := r.Context().Value(arrivalKey{}).(int)
	return n
}

// Arrived returns the number of the last request that has arrived.
func (s *Server) Arrived() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// isForm reports whether a body is a form.
func isForm(h http.Header) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind == "application/x-www-form-urlencoded"
}
