// Package sealed keeps the secrets of credentials encrypted at rest, in any
// [connect.TokenStore]: a reader of the database, of a backup or of a replica
// gets no token.
//
//	keys, err := sealed.ParseKeys(os.Getenv("SHOP_SEALING_KEYS"))
//	...
//	inner, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.Postgres})
//	...
//	tokens, err := sealed.New(inner, keys...)
//
// AccessToken, RefreshToken and TokenSecret are each sealed with AES-256-GCM
// under a random nonce (NIST SP 800-38D), and kept as
//
//	sealed:v1:KEYID:BASE64
//
// The realm, the user id, the name of the field and the id of the key are bound
// in: a sealed value that was moved to another merchant, another user or another
// field does not open.
// The fields that are no secrets (scopes, expiry, Gloebit's id of the user and
// the times) are as readable as before and not bound in: a writer to
// the database can still remove a credential, put an older one of the same user
// back or change these fields, but not make or read a token.
//
// # Keys
//
// The first key seals; all of them open. To change keys put a new one in front,
// on all machines at once or in two steps (first behind the old one everywhere,
// then in front), call [Store.Reseal] for every realm, and take the old key away. With one key
// about four thousand million values may be sealed, three at most a save: change
// it before that.
//
// Of pending connections nothing is sealed. What they hold is of no use without
// the browser and the client secret, and gone within minutes.
package sealed
