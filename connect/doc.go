// Package connect connects the users of a Go web application to any OAuth 2.0
// server. It provides the connect, callback and disconnect handlers, and a
// middleware that puts the user's account into the request's context. It stores
// the tokens and never prints them. An expired token is refreshed once, however
// many requests need it.
//
// A [Server] describes a server: its endpoints, and where it differs from the
// RFCs.
//
//	connector, err := connect.New(connect.Config{
//		Server: connect.Server{
//			Name:     "Example",
//			Endpoint: oauth2.Endpoint{AuthURL: authURL, TokenURL: tokenURL},
//			PKCE:     true,
//		},
//		ClientID:     id,
//		ClientSecret: connect.Secret(secret),
//		RedirectURL:  "https://app.example/oauth/callback",
//		Scopes:       []connect.Scope{"profile"},
//	})
//	mux.Handle("/oauth/", connector.Handler())
//	mux.Handle("/profile", connector.Require("profile")(http.HandlerFunc(profile)))
//
//	func profile(w http.ResponseWriter, r *http.Request) {
//		client := connect.MustFromContext(r.Context()).HTTPClient()
//		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://api.example/me", nil)
//		...
//		resp, err := client.Do(req)
//		...
//	}
//
// Package github.com/go-gloebit/gloebit is built on this package.
package connect
