// Package storetest tries whether a store keeps to the contracts of
// [connect.TokenStore] and [connect.StateStore]. The author of a store calls
// the suites from a test of their own:
//
//	func TestTokens(t *testing.T) {
//		storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore {
//			return newEmptyStore(t) // and t.Cleanup to throw it away
//		})
//	}
//
// Every case is a subtest with a name that says what a store must do, and gets
// a store of its own that must be empty. It runs in one realm, and then again in
// another realm of the same store, with the same ids and beside what the first
// left: neither may see, change or remove the other's records. A case with hundreds
// of records or goroutines has a tenth of them in one of the realms. The suites
// read the real clock, wait a tenth of a second here and there to see that
// something does not happen, and give what must happen half a minute. Run them
// with -race too.
//
// A store behind a pool of connections needs at least 4 of them, and must
// stand two hundred callers at once.
package storetest
