// Package gloebittest is a whole Gloebit in memory, for tests and for working
// without an account: authorization by OAuth 2.0 and 1.0a, tokens, balances,
// products, characters, inventories, subscriptions, transactions and the queue
// that calls an application's hold URLs.
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
//	server.Approve("alice") // every authorize request from now on is granted at once
//
// The application under test is then pointed at server.URL with app.Key and
// app.Secret. [New] makes the bare [http.Handler], for a server of one's own.
//
// It understands both published versions of the Gloebit API, with and without
// trailing slashes, unless Config.APIVersion narrows it or Config.Strict makes it
// speak the first document alone. It is strict where
// Gloebit is strict (redirect URIs, scopes, codes, consumer keys, amounts) and
// as lenient as Gloebit's published clients need it to be (missing content
// types, nulls, wrong request-created times, inventory items that are a text).
//
// [Gloebit.Inject] makes it fail on demand, Config.Queue makes its callbacks
// come early, late, repeated or shuffled, and [Gloebit.Requests] and
// [Gloebit.Transactions] tell what happened.
//
// # Answers that Gloebit's documentation leaves open
//
// A transact request that is refused for its form, or for what it names, has
// no status, only a reason: "malformed request", "invalid FIELD", "FIELD and
// FIELD differ" for the two names of one field, "unknown consumer", "unknown
// product", "product limit reached", "the transaction id is another user's".
// None of them uses the id up. An id refused for an insufficient balance may be
// sent again once the user has more. Sent again after success, it is
// "resubmitted", whatever the second request says and however the first ended.
//
// Characters and inventory items are a user's, whichever application made them;
// products are counted for each application. A product's per-user limit counts
// what the user and all of the user's characters own. What a character owns is
// gone with it, also what is still on its way. A request that leaves an item's
// folder, type or params out leaves them as they are. Refused requests name
// "unknown character", "unknown inventory item", "unknown product", "not
// enough products", "product limit reached", "invalid FIELD".
//
// A seller who can't be told, also for two users with one address, is an
// "unknown-merchant". A subscription authorization is enabled while the user
// approves of it; a user who approved can decline later, and the other way round.
// A subscription that is disabled can't be charged under.
//
// A call that is signed as OAuth 1.0a has it and refused for its signature,
// nonce or timestamp gets status 401 and an oauth_problem, as the endpoints of
// OAuth 1.0a do. One with an unknown application gets the reason "unknown
// consumer", with an unknown or revoked token "unknown token" on every path, and
// with an expired token "token has expired". The scope may be said to
// oauth/request-token or to oauth/authorize. A new access token takes the place
// of the one for the same application, user and scope.
//
// A transaction without an enact URL is committed before transact answers.
//
// A user's permission is kept per application. Refreshing replaces the access
// token as well as the refresh token.
//
// A call that is not signed and has no token, or one that is unknown or revoked,
// gets the reason "unknown token2", on v2/transact and transact-u2u "unknown
// OAuth2 token" and on no-op "invalid access token".
// What is read can also be POSTed. The scope may be missing at the token
// endpoint if the application's credentials are in the Authorization header.
//
// In version B, as the later developer site has it, a transact request without
// an ID gets one, so that sending it again is another transaction; a fraction of
// product-quantity is dropped; items may be made and changed by a form, whose
// params field holds JSON; and get-character-products may have the character's
// ID in the body.
//
// # The strict server
//
// With Config.Strict the server speaks the first document, "OAuth API", and
// nothing else:
//
//   - Paths are as the document writes them. get-user-products/ and
//     consume-user-product/NAME/COUNT/ end with a slash and no other path does.
//     Everything else is status 404.
//   - The scopes are id, balance, transact and inventory. Another is answered
//     with a redirect with the error invalid_scope.
//   - The value of the Authorization header is the token, as the document says,
//     or Bearer and the token, as all published clients send.
//   - A body is sent as application/json and has every key that the document
//     does not call optional and gives no default for. A key that is missing,
//     null or an empty text (but for type-id), or of another type, is refused with status 200,
//     success false and the reason "missing KEY" or "invalid KEY": published
//     clients treat every other status as an error and do not read its body.
//     Only type-id may be empty, because an item need not be of a type. Keys
//     that the document does not have are ignored, so that a client can send
//     later names too.
//   - The answers have the document's keys and no other: transact has no balance
//     and no product-count, consume-user-product has count, id has no reason.
//   - An unknown or revoked token gets the reason "unknown token".
//   - A product is charged at its price. A gloebit-balance-change beside it must
//     be the price times product-quantity, as in the document's example;
//     otherwise nothing is charged and the reason is "gloebit-balance-change is
//     not the product's price". It may be missing. Without Config.Strict it is
//     ignored, because a published client sends the price of one for several.
//   - A transact with no product, no asset-code and no gloebit-balance-change
//     succeeds and charges 0: the document makes all three optional, and the
//     default of gloebit-balance-change is 0.
//
// Everything is safe for concurrent use. Nothing here is safe to face the
// internet: a client that reaches it can act as any user.
package gloebittest
