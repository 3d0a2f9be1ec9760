package connect

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
)

// PlaintextStore is a [TokenStore] that keeps tokens after the process ends and
// reports whether they are stored unencrypted. With Config.Warn, [New] logs a
// warning if they are. A store that wraps another reports for the wrapped one.
// It may have a method Unwrap() TokenStore, so that New can see whether the
// wrapped store is in memory.
type PlaintextStore interface {
	// PlainAtRest reports whether tokens are stored unencrypted.
	PlainAtRest() bool
}

// risks lists the settings that are dangerous in production.
func (c *Connector) risks() []string {
	var risks []string
	if inMemory(c.tokens.store) {
		risks = append(risks, "Tokens is in memory: every user has to connect again after a restart")
	}
	if plain, ok := c.tokens.store.(PlaintextStore); ok && plain.PlainAtRest() {
		risks = append(
			risks, "Tokens is not sealed: a reader of the database can charge the users (see package stores/sealed)",
		)
	}
	if _, ok := c.states.store.(*MemoryStateStore); ok {
		risks = append(risks, "States is in memory: a callback must reach the process that started, and a restart voids it")
	}
	risks = append(risks, c.sessionRisks()...)
	if transport := c.http.Transport; unverified(transport) || transport == nil && unverified(http.DefaultTransport) {
		risks = append(
			risks, "HTTPClient does not verify certificates: an attacker on the network gets the client secret and the tokens",
		)
	}
	if repeats(c.http.Transport) {
		risks = append(risks, "HTTPClient retries requests: a purchase may be made twice and a refresh token lost; "+
			"give it a Transport that sends each request once")
	}
	return risks
}

// repeats reports whether a transport is known to retry requests.
func repeats(transport http.RoundTripper) bool {
	of := reflect.TypeOf(transport)
	for of != nil && of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	return of != nil && strings.Contains(of.PkgPath(), "retryablehttp")
}

// sessionRisks lists the risks of sessions and their cookies. It can't read the
// settings of session packages other than scs.
func (c *Connector) sessionRisks() []string {
	var risks []string
	https := c.redirect.Scheme == "https"
	if c.ownSessions != nil {
		risks = append(risks, "Sessions is not set: sessions are of this process alone and end with it")
	}
	if sessions, ok := c.config.Sessions.(*scs.SessionManager); ok {
		if _, ok := sessions.Store.(*memstore.MemStore); ok {
			risks = append(risks, "Sessions has its Store in memory: sessions are of this process alone and end with it")
		}
		if https && !sessions.Cookie.Secure {
			risks = append(
				risks, "Sessions.Cookie is not Secure: browsers send it over plain http too, where anyone can read it",
			)
		}
		if !sessions.Cookie.HttpOnly {
			risks = append(risks, "Sessions.Cookie is not HttpOnly: a script in a page can take it")
		}
		if sessions.Cookie.SameSite != http.SameSiteLaxMode {
			risks = append(risks, "Sessions.Cookie has no SameSite of Lax: other sites' forms come with it")
		}
	}
	switch {
	case !https && c.ownSessions != nil:
		risks = append(risks, "RedirectURL is plain http: cookies are not marked Secure")
	case !https:
		risks = append(risks, "RedirectURL is plain http: only browsers on this machine can connect")
	}
	return risks
}

// inMemory reports whether a store, or the one it wraps, loses its data at a
// restart.
func inMemory(tokens TokenStore) bool {
	for {
		if _, ok := tokens.(*MemoryTokenStore); ok {
			return true
		}
		around, ok := tokens.(interface{ Unwrap() TokenStore })
		if !ok {
			return false
		}
		tokens = around.Unwrap()
	}
}

func unverified(transport http.RoundTripper) bool {
	t, ok := transport.(*http.Transport)
	return ok && t.TLSClientConfig != nil && t.TLSClientConfig.InsecureSkipVerify
}
