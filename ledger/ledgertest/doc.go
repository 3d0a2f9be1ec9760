// Package ledgertest tests whether a store implements the contract of
// [ledger.Store]. Call its suite from a test of your store:
//
//	func TestPurchases(t *testing.T) {
//		ledgertest.RunStore(t, func(t *testing.T) ledger.Store {
//			return newEmptyStore(t) // and t.Cleanup to throw it away
//		})
//	}
//
// Each case is a subtest with its own empty store. Package storetest, whose
// conventions are the same, tests stores of tokens and states.
package ledgertest
