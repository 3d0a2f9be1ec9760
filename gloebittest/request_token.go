package gloebittest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"time"
)

// requestTokenLifetime is how long a request token is valid. The user must
// approve and the application exchange the token within that time.
const requestTokenLifetime = 10 * time.Minute

// outOfBand is the callback of an application without a URL: the user enters
// the verifier there.
const outOfBand = "oob"

// requestToken is OAuth 1.0a's temporary credential (RFC 5849, section 2.1).
type requestToken struct {
	id, secret, application, callback, label string
	scopes                                   []string // nil if they are sent to oauth/authorize
	expires                                  time.Time

	// verifier is set when the user approves, together with user and granted.
	verifier, user string
	granted        []string
}

// requestToken1 serves oauth/request-token.
func (g *Gloebit) requestToken1(w http.ResponseWriter, r *http.Request) {
	g.answerSigned(w, r, func(s signed) (url.Values, string) {
		app := g.application(s.protocol["oauth_consumer_key"])
		if app == nil {
			return nil, "consumer_key_unknown"
		}
		if problem := g.checkSigned(s, app.Secret, ""); problem != "" {
			return nil, problem
		}
		callback, sent := s.protocol["oauth_callback"]
		switch {
		case !sent || callback == "":
			return nil, "parameter_absent"
		case s.protocol["oauth_token"] != "", callback != outOfBand && !redirectAllowed(callback, app.RedirectPrefixes):
			return nil, "parameter_rejected"
		}
		scopes, ok := g.cfg.APIVersion.readDomain(s.other)
		if !ok || len(s.other["user"]) > 1 {
			return nil, "parameter_rejected"
		}
		t := g.newRequestToken(&requestToken{
			application: app.Key, callback: callback, label: s.other.Get("user"), scopes: scopes,
		})
		return url.Values{
			"oauth_token": {t.id}, "oauth_token_secret": {t.secret}, "oauth_callback_confirmed": {"true"},
		}, ""
	})
}

// newRequestToken stores a request token and drops the expired ones. The caller
// holds g.mu.
func (g *Gloebit) newRequestToken(t *requestToken) *requestToken {
	now := g.now()
	for d, old := range g.requestTokens {
		if !now.Before(old.expires) {
			delete(g.requestTokens, d)
		}
	}
	t.id, t.secret, t.expires = rand.Text(), rand.Text(), now.Add(requestTokenLifetime)
	g.requestTokens[digestOf(t.id)] = t
	return t
}

// requestTokenOf returns a request token that has not expired, or nil. The
// caller holds g.mu.
func (g *Gloebit) requestTokenOf(id string) *requestToken {
	t := g.requestTokens[digestOf(id)]
	if t == nil || !g.now().Before(t.expires) {
		return nil
	}
	return t
}

// accessToken1 serves oauth/access-token: it exchanges an approved request
// token for an access token.
func (g *Gloebit) accessToken1(w http.ResponseWriter, r *http.Request) {
	g.answerSigned(w, r, func(s signed) (url.Values, string) {
		app := g.application(s.protocol["oauth_consumer_key"])
		if app == nil {
			return nil, "consumer_key_unknown"
		}
		if s.protocol["oauth_token"] == "" {
			return nil, "parameter_absent"
		}
		t := g.requestTokenOf(s.protocol["oauth_token"])
		if t == nil || t.application != app.Key {
			return nil, "token_rejected"
		}
		if problem := g.checkSigned(s, app.Secret, t.secret); problem != "" {
			return nil, problem
		}
		switch {
		case s.protocol["oauth_verifier"] == "":
			return nil, "parameter_absent"
		case t.verifier == "":
			return nil, "permission_unknown"
		case !equalSecrets(t.verifier, s.protocol["oauth_verifier"]):
			return nil, "verifier_invalid"
		}
		delete(g.requestTokens, digestOf(t.id))
		access := g.signingTokenFor(app.Key, t.user, t.granted, t.label)
		return url.Values{"oauth_token": {access.Access}, "oauth_token_secret": {access.Secret}}, ""
	})
}
