package gloebittest

import (
	"log/slog"
	"net/http"
	"time"
)

// Config says how a [Gloebit] behaves. The zero value works.
type Config struct {
	// Clock tells the time for codes, tokens and the queue. Nil means time.Now.
	Clock func() time.Time

	// Consent answers an authorize request that was found valid: it writes a
	// page, or calls a.Approve or a.Refuse. It is called for the GET that
	// opens the page and for every POST to the same URL, so that a page's
	// form may post to where it is. All parameters of the request are in the
	// URL's query; the POST's form belongs to the page.
	//
	// Nil means a small HTML form: one button per decision and a list of
	// users. A decision made with [Gloebit.Approve] or [Gloebit.Refuse] comes
	// before either.
	Consent func(w http.ResponseWriter, r *http.Request, a *Authorization)

	// SubscriptionConsent answers a request to authorize-subscription: it
	// writes a page, or calls s.Approve or s.Decline. It is called as Consent
	// is, also when the user has decided before and may change their mind. Nil
	// means a small HTML form with a button per decision.
	SubscriptionConsent func(w http.ResponseWriter, r *http.Request, s *SubscriptionRequest)

	// Notice shows a page that says something and leads nowhere by itself: an
	// authorize request that can't be answered with a redirect, a refused
	// consent. Nil means a plain HTML page.
	Notice func(w http.ResponseWriter, r *http.Request, n Notice)

	// Logger receives a line per request and per callback, without secrets,
	// tokens, codes or query strings. Nil means silence.
	Logger *slog.Logger

	// HTTPClient calls the hold URLs. Nil means a client with a time limit of
	// 10 seconds that follows no redirect.
	HTTPClient *http.Client

	// TokenLifetime is how long an access token is good for. Zero means for
	// ever, and no expires_in is sent.
	TokenLifetime time.Duration

	// RefreshTokens hands out refresh tokens and takes them back:
	// grant_type=refresh_token gives a new pair, and the used one is refused.
	RefreshTokens bool

	// Challenge answers an unknown or expired access token with status 401 and
	// a WWW-Authenticate challenge (RFC 6750), as newer servers do. False
	// means status 200 and success false, as Gloebit does.
	Challenge bool

	// APIVersion narrows what is understood. Zero means both versions.
	APIVersion APIVersion

	// Strict makes the server speak the first document, "OAuth API", and nothing
	// else. APIVersion is then VersionA, whatever it says. See "The strict server"
	// in the package's documentation. The default is false.
	Strict bool

	// OldForms gives the answers that older servers gave: get-characters an
	// object of ids by name instead of a list, create-character and
	// update-character the character's bare id, and user a full-name without a
	// name. update-character without an id then makes a character.
	OldForms bool

	// Queue says how hold callbacks are made.
	Queue Queue

	// RequestLog is how many requests are kept for [Gloebit.Requests]. Zero
	// means 10,000, a negative number means none.
	RequestLog int
}

// APIVersion is one of the two published forms of the API.
type APIVersion int

const (
	// BothVersions understands the names and paths of both versions.
	BothVersions APIVersion = iota
	// VersionA understands only the older documentation: id, consumer-key,
	// merchant-user-id, the id endpoint, update-inventory-item-params, OAuth
	// 1.0a; no characters, subscriptions and sellers, and of products only
	// what users own and consume, by path.
	VersionA
	// VersionB understands only the later developer site and published
	// clients: transaction-id, application-key, username-on-application, the
	// user endpoint, update-inventory-item, form bodies, response_type=token.
	VersionB
)

// takes reports whether a server of version v understands what belongs to
// version want, BothVersions standing for what is common to both.
func (v APIVersion) takes(want APIVersion) bool {
	return v == BothVersions || want == BothVersions || v == want
}

// Notice is what a page without a next step has to say.
type Notice struct {
	Status   int    // the HTTP status of the page
	Title    string // a few words
	Text     string // a sentence for the person at the browser
	ReturnTo string // where a link back leads; empty means no link
	// Application is the name of the application that it leads to. Empty means
	// that it is not known.
	Application string
}
