// Package ultracart connects merchants of UltraCart, and calls its API for
// them.
//
//	connector, err := connect.New(connect.Config{
//		Server:      ultracart.Server(ultracart.Production),
//		ClientID:    id, // no secret: an application is a public client
//		RedirectURL: "https://app.example/oauth/callback",
//	})
//	mux.Handle("/oauth/", connector.Handler())
//	mux.Handle("/orders", connector.Require()(http.HandlerFunc(orders)))
//
//	func orders(w http.ResponseWriter, r *http.Request) {
//		client := ultracart.NewClient(connect.MustFromContext(r.Context()))
//		err := client.Do(r.Context(), http.MethodGet, "/order/orders?_limit=10", nil, &orders)
//		...
//	}
//
// [OAuth] has the OAuth endpoints for programs without a web page, such as the
// device authorization grant (RFC 8628).
//
// What an application may do is chosen when it is registered; an authorization
// request has no scope. The scopes are affiliate, auto_order, channel_partner,
// chargeback, checkout, configuration, conversation, coupon, customer,
// fulfillment, gift_certificate, integration_log, order, item, storefront, tax,
// webhook, ultrabooks, user and workflow, each with _read and _write.
//
// # The end of a grant
//
// UltraCart answers with 410 when the merchant has disabled the application.
// The credential is then removed, and errors.Is matches the [APIError] with
// [connect.ErrNotConnected].
//
// # Limits
//
// UltraCart answers with 429 to too many requests in an hour or a day, and to
// too many at the same time. See [Client.MaxWait].
package ultracart

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"golang.org/x/oauth2"
)

// Production is the base URL of UltraCart's API.
const Production = "https://secure.ultracart.com/rest/v2"

const (
	versionHeader = "X-UltraCart-Api-Version"
	version       = "2017-03-01"
	embedPrefix   = "/conversation_embed"
	tokenPath     = "/oauth/token"
)

// scopes are the names that a token response may contain.
var scopes = []connect.Scope{
	"affiliate", "auto_order", "channel_partner", "chargeback", "checkout", "configuration", "conversation", "coupon",
	"customer", "fulfillment", "gift_certificate", "integration_log", "order", "item", "storefront", "tax", "webhook",
	"ultrabooks", "user", "workflow",
}

// Scopes returns the names of all scopes, such as order_read and order_write.
func Scopes() []connect.Scope {
	var all []connect.Scope
	for _, scope := range scopes {
		all = append(all, scope+"_read", scope+"_write")
	}
	return all
}

// Server describes UltraCart at a base URL: [Production], or that of a test
// server.
//
// It does not use PKCE, because no document says whether UltraCart supports it.
func Server(base string) connect.Server {
	base = strings.TrimSuffix(base, "/")
	return server(base, "")
}

// EmbedServer describes the endpoints of UltraCart's embedded conversations.
// They support only the device authorization grant with the scope crm_embed.
// Access tokens are valid for 60 minutes.
func EmbedServer(base string) connect.Server {
	return server(strings.TrimSuffix(base, "/"), embedPrefix)
}

func server(base, prefix string) connect.Server {
	return connect.Server{
		Name: "UltraCart",
		Endpoint: oauth2.Endpoint{
			AuthURL:       base + "/oauth/authorize",
			TokenURL:      base + prefix + tokenPath,
			DeviceAuthURL: base + prefix + "/oauth/device/authorize",
		},
		PublicClient: true,
		RevokeURL:    base + prefix + "/oauth/revoke",
		Revoke:       revoke,
		Header:       http.Header{versionHeader: {version}, "Accept": {"application/json"}},
		Scopes:       connect.ScopePolicy{Omit: true},
		Expired:      func(resp *http.Response) bool { return resp.StatusCode == http.StatusUnauthorized },
		Describe:     describe,
	}
}

// revoke implements [connect.Server.Revoke]: it revokes the access token.
func revoke(ctx context.Context, app connect.Application, credential connect.Credential) error {
	oauth := OAuth{Server: app.Server, ClientID: app.ClientID, HTTPClient: app.HTTPClient}
	_, err := oauth.Revoke(ctx, credential.AccessToken)
	return err
}

// describe implements [connect.Server.Describe]. UltraCart puts a text for the
// user in a header. A 410 means that the grant was revoked.
func describe(refused *oauth2.RetrieveError) (code, text string) {
	code, text = refused.ErrorCode, refused.ErrorDescription
	if said := refused.Response.Header.Get(errorHeader); said != "" {
		text = said
	}
	switch {
	case refused.Response.StatusCode == http.StatusGone:
		return "application_disabled", text
	case code == "" && text != "": // without a code the error would not end the grant
		return "unnamed_error", text
	}
	return code, text
}
