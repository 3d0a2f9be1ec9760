// Package storetest tests whether a store implements the contracts of
// [connect.TokenStore] and [connect.StateStore]. Call its suites from a test of
// your store:
//
//	func TestTokens(t *testing.T) {
//		storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore {
//			return newEmptyStore(t) // and t.Cleanup to throw it away
//		})
//	}
//
// Every case is a subtest whose name says what a store must do. It gets its own
// empty store, and runs in one realm, and then in another realm of the same
// store, with the same IDs and beside the records of the first. Neither run may
// see, change or remove the other's records. A case with hundreds of records or
// goroutines has a tenth of them in one of the two realms. The suites use the
// real clock. They wait a tenth of a second to see that something does not
// happen, and half a minute for what must happen. Run them with -race too.
//
// A store with a connection pool needs at least 4 connections, and must support
// two hundred concurrent callers.
package storetest
