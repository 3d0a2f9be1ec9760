// Package omniport connects users of an Omniport, such as IIT Roorkee's
// channeli.in, and reads their data.
//
//	connector, err := connect.New(connect.Config{
//		Server:       omniport.Server("https://channeli.in"),
//		ClientID:     id,
//		ClientSecret: connect.Secret(secret),
//		RedirectURL:  "https://app.example/oauth/callback",
//	})
//	mux.Handle("/oauth/", connector.Handler())
//	mux.Handle("/me", connector.Require()(http.HandlerFunc(me)))
//
//	func me(w http.ResponseWriter, r *http.Request) {
//		user, err := omniport.NewClient(connect.MustFromContext(r.Context())).User(r.Context())
//		...
//	}
//
// What an application may read depends on the data points with which it is
// registered, and not on scopes: every approval grants read and write.
//
// # Denial
//
// Omniport does not tell the application that a user denied access. The user
// stays at Omniport, and the pending connection expires after
// Config.ConnectTimeout. The user can connect at any time before and after.
//
// # Codes and tokens
//
// An authorization code is valid for 60 seconds, an access token for ten hours,
// and a refresh token until it is used. A refresh ends both tokens at once.
// Concurrent refreshes of one token get the same new pair; a later one is
// refused, and the user has to connect again.
package omniport

import (
	"context"
	"strconv"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"golang.org/x/oauth2"
)

// The scopes. Every approval grants both.
const (
	ScopeRead  connect.Scope = "read"
	ScopeWrite connect.Scope = "write"
)

// The paths of an Omniport.
const (
	authorizePath = "/oauth/authorise/"
	tokenPath     = "/open_auth/token/" // without the trailing slash, a POST would be redirected and become a GET
	revokePath    = "/open_auth/revoke_token/"
	userPath      = "/open_auth/get_user_data/"
)

// Server describes the Omniport at a base URL, such as https://channeli.in. Its
// Identity is the user's ID and full name, so that Config.SignIn can be set.
//
// It does not use PKCE, because Omniport's page drops the challenge: a token
// request with a wrong code verifier would succeed.
func Server(base string) connect.Server {
	base = strings.TrimSuffix(base, "/")
	return connect.Server{
		Name: "Omniport",
		Endpoint: oauth2.Endpoint{
			AuthURL:   base + authorizePath,
			TokenURL:  base + tokenPath,
			AuthStyle: oauth2.AuthStyleInParams,
		},
		RevokeURL: base + revokePath,
		Scopes:    connect.ScopePolicy{Known: []connect.Scope{ScopeRead, ScopeWrite}, Omit: true},
		Identity:  identity,
	}
}

// identity implements [connect.Server.Identity].
func identity(ctx context.Context, account *connect.Account) (connect.User, error) {
	user, err := NewClient(account).User(ctx)
	if err != nil {
		return connect.User{}, err
	}
	return connect.User{ID: strconv.FormatInt(user.ID, 10), Name: user.Name()}, nil
}
