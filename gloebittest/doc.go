// Package gloebittest is an in-memory Gloebit for tests and for development
// without an account. It has authorization by OAuth 2.0 and 1.0a, tokens,
// balances, products, characters, inventories, subscriptions, transactions and
// the queue that calls an application's hold URLs.
//
// [NewServer] starts one on a free loopback port:
//
//	server := gloebittest.NewServer()
//	defer server.Close()
//	app, err := server.AddApplication(gloebittest.Application{
//		Name:             "Hat shop",
//		RedirectPrefixes: []string{"http://127.0.0.1:8080/"},
//		Products:         []gloebittest.Product{{Name: "green-hat", Price: 40}},
//	})
//	alice, err := server.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
//	server.Approve("alice") // grant every authorization request from now on
//
// Configure the application under test with server.URL, app.Key and app.Secret.
// To serve it with your own server, use the [http.Handler] that [New] returns.
//
// A Gloebit accepts both published versions of the API, with and without
// trailing slashes. Config.APIVersion restricts it to one version,
// Config.Strict to the first document. It is strict where Gloebit is strict:
// redirect URIs, scopes, codes, consumer keys, amounts. It is as lenient as
// Gloebit's published clients need: it accepts missing content types, nulls,
// wrong request-created times, inventory items that are a string, and slashes
// in a product's name in a path.
//
// [Gloebit.Inject] makes requests fail. Config.Queue makes callbacks early,
// late, repeated or shuffled. [Gloebit.Requests] and [Gloebit.Transactions]
// return what happened.
//
// # Answers that Gloebit's documentation leaves open
//
// A transact request that is malformed or names something unknown is refused
// with a reason and no status: "malformed request", "invalid FIELD", "FIELD and
// FIELD differ" for the two names of one field, "unknown consumer", "unknown
// product", "product limit reached", "the transaction id is another user's".
// Its ID may be sent again. So may an ID that was refused for an insufficient
// balance. An ID that succeeded is answered with "resubmitted", whatever the
// second request says and however the first transaction ended.
//
// Characters and inventory items belong to a user, whichever application
// created them. Products are counted for each application. A product's per-user
// limit includes what the user's characters own. Deleting a character deletes
// its products, including those of queued transactions. A request without an
// item's folder, type or params does not change them. The reasons are "unknown
// character", "unknown inventory item", "unknown product", "not enough
// products", "product limit reached" and "invalid FIELD".
//
// If a seller matches no user, or its address is that of two users, the status
// is "unknown-merchant". A subscription authorization is enabled while it is
// approved; the user can change the decision at any time. No user can be
// charged under a disabled subscription.
//
// An API call signed with OAuth 1.0a whose signature, nonce or timestamp is
// refused gets status 401 and an oauth_problem, like a request to the endpoints
// of OAuth 1.0a. For an unknown application the reason is "unknown consumer".
// For an unknown or revoked token it is "unknown token" on every path, and for
// an expired token "token has expired". The scope is sent to
// oauth/request-token or to oauth/authorize. A new access token replaces the
// one for the same application, user and scope.
//
// A transaction without an enact URL is committed before transact answers.
//
// With response_type=token, the token is in the fragment of the redirect. If
// return-to equals redirect_uri, it is also in the query, as code, because the
// published Unity client sends both and reads the token there.
//
// A user's approval is kept per application. Refreshing replaces both the
// access token and the refresh token.
//
// An unsigned call without a token, or with an unknown or revoked one, gets the
// reason "unknown token2". On v2/transact and transact-u2u the reason is
// "unknown OAuth2 token", on no-op "invalid access token". Every GET can also
// be sent as a POST. The scope may be missing at the token endpoint if the
// application's credentials are in the Authorization header.
//
// Version B, as on the later developer site, differs in some requests. A
// transact request without an ID gets one, so that sending it again is another
// transaction. A fraction of product-quantity is dropped. Items may be created
// and changed by a form, whose params field holds JSON. get-character-products
// may have the character's ID in the body.
//
// # The strict server
//
// With Config.Strict the server accepts only the first document, "OAuth API":
//
//   - Paths are written as in the document. get-user-products/ and
//     consume-user-product/NAME/COUNT/ end with a slash, and no other path
//     does. Any other path gets status 404.
//   - The scopes are id, balance, transact and inventory. Another scope is
//     answered with a redirect with the error invalid_scope.
//   - The value of the Authorization header is the token, as in the document,
//     or Bearer and the token, as all published clients send it.
//   - A body has the content type application/json and every key that the
//     document does not call optional or give a default. A key that is
//     missing, null, empty or of another type is refused with status 200,
//     success false and the reason "missing KEY" or "invalid KEY". The status
//     is 200 because published clients don't read the body of any other. Only
//     type-id may be empty, because an item need not have a type. Keys that
//     the document does not have are ignored, so that a client can also send
//     later names.
//   - The answers have the document's keys only: transact has no balance and
//     no product-count, consume-user-product has count, id has no reason.
//   - An unknown or revoked token gets the reason "unknown token".
//   - A product is charged at its price. If gloebit-balance-change is sent, it
//     must be the price times product-quantity, as in the document's example.
//     Otherwise nothing is charged, and the reason is "gloebit-balance-change
//     is not the product's price". Without Config.Strict it is ignored,
//     because a published client sends the price of one piece even if it
//     buys several.
//   - A transact without product, asset-code and gloebit-balance-change
//     succeeds and charges 0. The document makes all three optional, and the
//     default of gloebit-balance-change is 0.
//
// All methods are safe for concurrent use. Do not expose the server to the
// internet: every client can act as any user.
package gloebittest
