// Package sealed encrypts the secrets of credentials at rest, in any
// [connect.TokenStore]. A reader of the database, of a backup or of a replica
// gets no token.
//
//	keys, err := sealed.ParseKeys(os.Getenv("SHOP_SEALING_KEYS"))
//	...
//	inner, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.Postgres})
//	...
//	tokens, err := sealed.New(inner, keys...)
//
// AccessToken, RefreshToken and TokenSecret are each encrypted with AES-256-GCM
// and a random nonce (NIST SP 800-38D), and stored as
//
//	sealed:v1:KEYID:BASE64
//
// The realm, the user ID, the name of the field and the ID of the key are
// authenticated with the value. So a sealed value that was moved to another
// merchant, user or field can't be opened.
//
// The other fields (scopes, expiry, Gloebit's ID of the user and the times) are
// neither encrypted nor authenticated. An attacker who can write to the
// database can remove a credential, restore an older one of the same user, or
// change these fields, but can't create or read a token.
//
// # Keys
//
// The first key seals; every key opens. To rotate keys, put a new key first, on
// all machines at once or in two steps: add it last everywhere, then move it to
// the front. Then call [Store.Reseal] for every realm, and remove the old key.
// Rotate a key before it has sealed 2^32 values (about four billion); a save
// seals at most three.
//
// Pending connections are not sealed. They are useless without the browser and
// the client secret, and expire within minutes.
package sealed
