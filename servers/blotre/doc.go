// Package blotre connects users to Blot're (https://blot.re), and calls its
// API.
//
// A web application connects its users with [Server]:
//
//	connector, err := connect.New(connect.Config{
//		Server:       blotre.Server(""),
//		ClientID:     id,
//		ClientSecret: connect.Secret(secret),
//		RedirectURL:  "https://app.example/oauth/callback",
//	})
//	mux.Handle("/oauth/", connector.Handler())
//	mux.Handle("/page", connector.Require()(http.HandlerFunc(page)))
//
//	func page(w http.ResponseWriter, r *http.Request) {
//		client := blotre.NewClient(connect.MustFromContext(r.Context()))
//		stream, created, err := client.CreateStream(r.Context(), blotre.NewStream{...})
//		...
//	}
//
// A program of one user registers itself (see [Disposable]). Queries need no
// user: use the zero [Client].
//
// Blot're returns no state to the callback. Read
// [connect.Server.StateNotReturned] before you use it. It has one access token
// and one refresh token for each user of an application: if the user connects
// the same application again elsewhere, the first tokens are revoked.
package blotre
