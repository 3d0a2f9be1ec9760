package gloebittest

import (
	"crypto/rand"
	"fmt"
	"time"
)

// token is an access token, with its refresh token if there is one.
type token struct {
	Access      string    `json:"access"`
	Refresh     string    `json:"refresh,omitempty"`
	Secret      string    `json:"secret,omitempty"` // signs requests; empty for OAuth 2.0
	Application string    `json:"application"`
	User        string    `json:"user"`
	Scopes      []string  `json:"scopes"`
	UserLabel   string    `json:"user_label,omitempty"`
	Expires     time.Time `json:"expires,omitzero"` // zero means never
}

func (t *token) expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// IssueToken issues an access token for the application and the user, for tests
// that skip the browser. Existing tokens stay valid. It fails if the
// application, the user or a scope is unknown, or there is no scope.
func (g *Gloebit) IssueToken(appKey, user string, scopes ...string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	app, a := g.application(appKey), g.user(user)
	if app == nil || a == nil {
		return "", fmt.Errorf("gloebittest: no application %q or no user %q", appKey, user)
	}
	checked, ok := g.cfg.APIVersion.checkScopes(scopes)
	if !ok {
		return "", fmt.Errorf("gloebittest: unknown scope among %q, or none", scopes)
	}
	g.approve(appKey, a.id, checked, "")
	return g.newToken(appKey, a.id, checked, "").Access, nil
}

// RevokeTokens revokes all of the user's access and refresh tokens and returns
// how many there were. Approvals stay.
func (g *Gloebit) RevokeTokens(user string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.user(user)
	if a == nil {
		return 0
	}
	return g.removeTokens(func(t *token) bool { return t.User == a.id })
}

// ExpireTokens makes all of the user's access tokens expire and returns how
// many there were. Refresh tokens stay valid.
func (g *Gloebit) ExpireTokens(user string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.user(user)
	if a == nil {
		return 0
	}
	count := 0
	for _, t := range g.tokens {
		if t.User == a.id {
			t.Expires = g.now()
			count++
		}
	}
	g.revision++
	return count
}

// newToken creates and stores a token. The caller holds g.mu.
func (g *Gloebit) newToken(appKey, userID string, scopes []string, label string) *token {
	t := &token{Application: appKey, User: userID, Scopes: scopes, UserLabel: label}
	g.renew(t)
	return t
}

// renew gives a token new secrets and a new lifetime. The old secrets are no
// longer valid. The caller holds g.mu.
func (g *Gloebit) renew(t *token) {
	g.removeToken(t)
	t.Access, t.Refresh, t.Expires = rand.Text(), "", time.Time{}
	if g.cfg.RefreshTokens && t.Secret == "" {
		t.Refresh = rand.Text()
	}
	if g.cfg.TokenLifetime > 0 {
		t.Expires = g.now().Add(g.cfg.TokenLifetime)
	}
	g.keepToken(t)
}

// keepToken stores a token under its secrets. The caller holds g.mu.
func (g *Gloebit) keepToken(t *token) {
	g.tokens[digestOf(t.Access)] = t
	if t.Refresh != "" {
		g.refreshTokens[digestOf(t.Refresh)] = t
	}
	g.revision++
}

// removeToken revokes a token. The caller holds g.mu.
func (g *Gloebit) removeToken(t *token) {
	delete(g.tokens, digestOf(t.Access))
	delete(g.refreshTokens, digestOf(t.Refresh))
	g.revision++
}

// removeTokens revokes the matching tokens and counts them. The caller holds
// g.mu.
func (g *Gloebit) removeTokens(match func(*token) bool) int {
	count := 0
	for _, t := range g.tokens {
		if match(t) {
			g.removeToken(t)
			count++
		}
	}
	return count
}

// tokenFor returns the token of a new grant. With reuse (approval_prompt=auto)
// it returns the existing token of the application, user and scope; otherwise
// it replaces it. The caller holds g.mu.
func (g *Gloebit) tokenFor(appKey, userID string, scopes []string, label string, reuse bool) *token {
	same := func(t *token) bool {
		return t.Secret == "" && t.Application == appKey && t.User == userID && sameScopes(t.Scopes, scopes)
	}
	if reuse {
		for _, t := range g.tokens {
			if same(t) && !t.expired(g.now()) {
				return t
			}
		}
	}
	g.removeTokens(same)
	return g.newToken(appKey, userID, scopes, label)
}

// signingTokenFor returns the token of a new OAuth 1.0a grant. It replaces the
// existing one of the application, user and scope. The caller holds g.mu.
func (g *Gloebit) signingTokenFor(appKey, userID string, scopes []string, label string) *token {
	g.removeTokens(func(t *token) bool {
		return t.Secret != "" && t.Application == appKey && t.User == userID && sameScopes(t.Scopes, scopes)
	})
	t := &token{Secret: rand.Text(), Application: appKey, User: userID, Scopes: scopes, UserLabel: label}
	g.renew(t)
	return t
}

// IssueSigningToken is [Gloebit.IssueToken] for OAuth 1.0a: it returns an
// access token and the secret that signs requests.
func (g *Gloebit) IssueSigningToken(appKey, user string, scopes ...string) (token, secret string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	app, a := g.application(appKey), g.user(user)
	if app == nil || a == nil {
		return "", "", fmt.Errorf("gloebittest: no application %q or no user %q", appKey, user)
	}
	checked, ok := g.cfg.APIVersion.checkScopes(scopes)
	if !ok {
		return "", "", fmt.Errorf("gloebittest: unknown scope among %q, or none", scopes)
	}
	g.approve(appKey, a.id, checked, "")
	t := g.signingTokenFor(appKey, a.id, checked, "")
	return t.Access, t.Secret, nil
}
