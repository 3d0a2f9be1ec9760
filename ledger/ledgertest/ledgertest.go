package ledgertest

import (
	"testing"

	"github.com/go-gloebit/gloebit/ledger"
)

// purchaseCase is one requirement of a ledger's Store.
type purchaseCase struct {
	name string
	run  func(t *testing.T, store ledger.Store)
}

// RunStore tests a ledger's Store. newStore returns an empty store each time it
// is called. Each case runs beside the same purchases of another realm, at most
// thirty, which it must not touch.
func RunStore(t *testing.T, newStore func(t *testing.T) ledger.Store) {
	runPurchaseCases(t, newStore, []purchaseCase{
		{"a purchase that was never created is not found", noPurchase},
		{"every field comes back as it was created", purchaseRoundTrip},
		{"every field comes back as it was changed", purchaseChangedWhole},
		{"empty fields come back empty", emptyPurchaseRoundTrip},
		{"what came back can be changed and the store's stays", purchaseIsACopy},
		{"an ID in use gives the purchase that has it", purchaseIDOnce},
		{"what Check refuses is refused", badPurchases},
		{"a purchase of 200 KiB is kept", largePurchase},

		{"a key in use gives the purchase that holds it", keyHeld},
		{"a refused purchase holds no key, and takes it back if it is free", keyOfRefused},
		{"a purchase of an unknown user gets one once", unknownUser},
		{"a purchase can lose its user and key", erased},
		{"without a key every order is a purchase", keyless},
		{"user ids and keys that differ in any byte are different", oddPurchaseKeys},
		{"of a hundred goroutines with one key one creates", keyRace},

		{"Change saves what fn returns", changeSaves},
		{"an fn that fails saves nothing", changeFails},
		{"an fn that panics saves nothing and frees the purchase", changePanics},
		{"an fn that ends its goroutine saves nothing and frees the purchase", changeExits},
		{"an fn that returns what Check refuses saves nothing", changeRefused},
		{"a hundred goroutines on one purchase lose no change", changeRace},
		{"a hundred goroutines on as many purchases are served", changeMany},
		{"a Change waits for the other one of its purchase", changeWaits},
		{"waiting for a purchase ends with the context", changeWaitEnds},
		{"the context of fn is the caller's", changeContext},
		{"Get and List do not wait for a Change", getDoesNotWait},

		{"CompareAndSwap saves a purchase that is as it was read", swapSaves},
		{"CompareAndSwap saves nothing over any change", swapCompares},
		{"CompareAndSwap refuses what a Change may not save", swapRefused},
		{"of several goroutines that swap one purchase one wins", swapRace},
		{"CompareAndSwap waits for a Change", swapWaits},

		{"nothing due is nothing claimed", claimNothing},
		{"a claim is for one state", claimState},
		{"a purchase is due from its NextAt on", claimDue},
		{"the longest due is claimed first", claimOrder},
		{"a claim expires", claimExpires},
		{"a Change ends a claim", claimChanged},
		{"a purchase comes whole with its claim", claimWhole},
		{"of many goroutines each claims another purchase", claimRace},
		{"a purchase whose Change runs is not claimed", claimNotChanging},

		{"a purchase of any state has changes to report", claimUnreported},
		{"nothing to report is nothing claimed", byReportAt(claimNothing)},
		{"a report is due from ReportAt on", byReportAt(claimDue)},
		{"the longest due report is claimed first", byReportAt(claimOrder)},
		{"a claim of a report expires", byReportAt(claimExpires)},
		{"a Change ends a claim of a report", byReportAt(claimChanged)},
		{"a purchase comes whole with its reports", byReportAt(claimWhole)},
		{"of many goroutines each claims another report", byReportAt(claimRace)},
		{"a purchase whose Change runs is not reported", byReportAt(claimNotChanging)},

		{"an empty store lists nothing", listNothing},
		{"purchases are listed newest first", listOrder},
		{"a list has as many as it may", listLimit},
		{"pages hold each purchase once", listPages},
		{"purchases are listed oldest first", listOldest},
		{"a page is not moved by newer purchases", listPagesStay},
		{"a list can be narrowed", listNarrow},
		{"listed purchases are whole", listWhole},

		{"unfinished purchases are counted by realm and state", counts},
		{"unreported purchases are counted in any state", countUnreported},
		{"paid purchases are added up by day", tallyDays},
		{"paid purchases are added up by item", tallyItems},
		{"purchases are added up by state", tallyStates},
		{"an unknown grouping is refused", tallyUnknown},
		{"finished purchases are pruned", prune},
		{"many purchases are pruned", pruneMany},
		{"a purchase with changes to report is not pruned", pruneUnreported},
		{"a pruned purchase frees its key", pruneKey},

		{"a context that has ended does nothing", purchaseContextEnded},
	})
}

// RunPurchasesApart tests that a Change of one purchase does not block others.
// The contract does not require it: a store with one lock for all purchases, as
// in SQLite, fails here and is a valid Store.
func RunPurchasesApart(t *testing.T, newStore func(t *testing.T) ledger.Store) {
	runPurchaseCases(t, newStore, []purchaseCase{
		{"a Change does not wait for another purchase's", changesApart},
		{"Create does not wait for a Change", createApart},
		{"Claim does not wait for a Change", claimApart},
		{"ClaimUnreported does not wait for a Change", byReportAt(claimApart)},
	})
}

func runPurchaseCases(t *testing.T, newStore func(t *testing.T) ledger.Store, cases []purchaseCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := &twoRealms{Store: newStore(t)}
			c.run(t, store)
			store.wantUntouched(t)
		})
	}
}
