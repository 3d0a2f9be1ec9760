// Package ledgertest tests whether a store keeps to the contract of
// [ledger.Store]. The author of a store calls the suite from a test:
//
//	func TestPurchases(t *testing.T) {
//		ledgertest.RunStore(t, func(t *testing.T) ledger.Store {
//			return newEmptyStore(t) // and t.Cleanup to throw it away
//		})
//	}
//
// Each case is a subtest with a store of its own, which must be empty. Package
// storetest, whose conventions are the same, tests stores of tokens and states.
package ledgertest
