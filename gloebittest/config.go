package gloebittest

import (
	"log/slog"
	"net/http"
	"time"
)

// Config configures a [Gloebit]. The zero value is valid.
type Config struct {
	// Clock returns the time for codes, tokens and the queue. The default is
	// time.Now.
	Clock func() time.Time

	// Consent answers a valid authorization request: it writes a page, or calls
	// a.Approve or a.Refuse. It is called for the GET that opens the page and
	// for every POST to the same URL, so a page's form can post to its own URL.
	// The request's parameters are in the URL's query; the POST's form belongs
	// to the page.
	//
	// The default is a small HTML form with a list of users and a button for
	// each decision. It is not called after [Gloebit.Approve] or
	// [Gloebit.Refuse].
	Consent func(w http.ResponseWriter, r *http.Request, a *Authorization)

	// SubscriptionConsent answers a request to authorize-subscription: it
	// writes a page, or calls s.Approve or s.Decline. It is called in the same
	// way as Consent, also if the user has decided before. The default is a
	// small HTML form with a button for each decision.
	SubscriptionConsent func(w http.ResponseWriter, r *http.Request, s *SubscriptionRequest)

	// Notice shows a page without a form, such as for a refused consent or an
	// authorization request that can't be answered with a redirect. The default
	// is a plain HTML page.
	Notice func(w http.ResponseWriter, r *http.Request, n Notice)

	// Logger receives a line for each request and each callback, without
	// secrets, tokens, codes or query strings. If nil, nothing is logged.
	Logger *slog.Logger

	// HTTPClient calls the hold URLs. The default is a client with a timeout of
	// 10 seconds that follows no redirects.
	HTTPClient *http.Client

	// TokenLifetime is how long an access token is valid. If zero, tokens don't
	// expire, and expires_in is not sent.
	TokenLifetime time.Duration

	// RefreshTokens makes the Gloebit issue refresh tokens. Refreshing replaces
	// both tokens, and the used refresh token is refused from then on.
	RefreshTokens bool

	// Challenge makes the Gloebit answer an unknown or expired access token
	// with status 401 and a WWW-Authenticate challenge (RFC 6750), as newer
	// servers do. The default is status 200 and success false, as on Gloebit.
	Challenge bool

	// APIVersion restricts the API to one version. The default is both.
	APIVersion APIVersion

	// Strict makes the server implement only the first document, "OAuth API".
	// APIVersion is then ignored and VersionA is used. See "The strict server"
	// in the package's documentation. The default is false.
	Strict bool

	// OldForms makes the Gloebit answer as older servers did: get-characters
	// with an object of IDs by name instead of a list, create-character and
	// update-character with the character's bare ID, and user with a full-name
	// and no name. update-character without an ID then creates a character.
	OldForms bool

	// Queue configures how hold URLs are called.
	Queue Queue

	// RequestLog is how many requests are kept for [Gloebit.Requests]. The
	// default is 10,000. If negative, none are kept.
	RequestLog int
}

// APIVersion is one of the two published versions of the API.
type APIVersion int

const (
	// BothVersions accepts the names and paths of both versions.
	BothVersions APIVersion = iota
	// VersionA accepts only the older documentation: id, consumer-key,
	// merchant-user-id, the id endpoint, update-inventory-item-params, OAuth
	// 1.0a, and the token alone as the value of the Authorization header. It
	// has no characters, subscriptions or sellers, and users' products can only
	// be listed and consumed, by path.
	VersionA
	// VersionB accepts only the later developer site and the published client
	// for virtual worlds: transaction-id, application-key,
	// username-on-application, the user endpoint, update-inventory-item, form
	// bodies and response_type=token. The other published clients mix both
	// versions and need BothVersions.
	VersionB
)

// takes reports whether a server of version v accepts requests of version want.
// A want of BothVersions means that both versions have the request.
func (v APIVersion) takes(want APIVersion) bool {
	return v == BothVersions || want == BothVersions || v == want
}

// Notice is the content of a page without a form.
type Notice struct {
	Status   int    // the HTTP status of the page
	Title    string // a few words
	Text     string // a sentence for the user
	ReturnTo string // the target of a link back; empty means no link
	// Application is the name of the application that ReturnTo leads to. It is
	// empty if the application is not known.
	Application string
}
