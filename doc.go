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
//		order := gloebit.ProductOrder{Key: r.FormValue("order"), Product: r.PathValue("product"), Quantity: 1}
//		receipt, err := client.PurchaseProduct(r.Context(), order)
//		...
//	}
//
// # What happens
//
// A user without a connection who loads a protected page is redirected to
// /gloebit/connect, which keeps a pending connection under a random state and
// sends the browser to Gloebit. Gloebit sends it back to /gloebit/callback,
// which redeems the state once, gives the code for a token, saves the
// credential and sends the browser to where it wanted to go. From then on the
// middleware finds the credential and puts a client into the context. A script
// or a form gets 401 and problem+json, or a page, with the way to connect.
//
// # Users
//
// A credential belongs to a user, not to a browser. Who the user is comes from
// the application (Config.User), from Gloebit (Config.SignIn), or, with
// neither, the session is the user.
//
// # Errors
//
// Every failure is an error that errors.Is finds: [ErrNotConnected],
// [ErrInsufficientBalance] and the others. [Merchant.HandleError] answers a
// request with any of them and redirects users who need to connect. When a store
// is down, no protected handler runs.
//
// # Tests
//
// Package github.com/go-gloebit/gloebit/gloebittest is a whole Gloebit in
// memory, for tests that need no account and no network.
package gloebit
