// Package gloebit lets a Go web application charge its users in gloebits (G$),
// the virtual currency of Gloebit.
//
// An application mounts [Merchant.Handler], wraps its purchase routes in
// [Merchant.RequireGloebit], and takes the user's [Client] from the request's
// context:
//
//	merchant, err := gloebit.New(gloebit.Config{
//		ClientID:     key,
//		ClientSecret: gloebit.Secret(secret),
//		RedirectURL:  "https://shop.example/gloebit/callback",
//		Scopes:       []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact},
//		Provider:     gloebit.Sandbox(),
//	})
//	mux.Handle("/gloebit/", merchant.Handler())
//	mux.Handle("POST /buy/{product}", merchant.RequireGloebit(http.HandlerFunc(buy)))
//
//	func buy(w http.ResponseWriter, r *http.Request) {
//		client := gloebit.MustFromContext(r.Context())
//		order := gloebit.ProductOrder{
//			IdempotencyKey: r.FormValue("order"), Product: r.PathValue("product"), Quantity: 1,
//		}
//		receipt, err := client.PurchaseProduct(r.Context(), order)
//		...
//	}
//
// # What happens
//
// A user who is not connected and loads a protected page is redirected to
// /gloebit/connect. That handler stores a pending connection under a random
// state and redirects the browser to Gloebit. When the user has approved,
// Gloebit redirects the browser to /gloebit/callback. That handler redeems the
// state once, exchanges the code for a token, saves the user's credential (the
// token and the granted scopes) and redirects the browser to the page that the
// user wanted. From then on the middleware finds the credential and puts a
// Client into the request's context. A form or a script of a user who is not
// connected gets 401 instead of a redirect: a page or problem+json with the URL
// that starts a connection.
//
// # Users
//
// A credential belongs to a user, not to a browser. The application identifies
// the user (Config.User), or Gloebit does (Config.SignIn). With neither, the
// browser session is the user.
//
// # Errors
//
// Match errors with errors.Is: [ErrNotConnected], [ErrInsufficientBalance] and
// the others. [Merchant.HandleError] responds to each of them and redirects
// users who need to connect. When a store is down, no protected handler runs.
//
// # Tests
//
// Package github.com/go-gloebit/gloebit/gloebittest is a Gloebit server in
// memory, for tests that need no account and no network.
package gloebit
