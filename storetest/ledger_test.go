package storetest_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/storetest"
)

func TestMemoryLedgerStore(t *testing.T) {
	t.Parallel()
	newStore := func(*testing.T) ledger.Store { return &ledger.MemoryStore{} }
	storetest.RunLedgerStore(t, newStore)
	storetest.RunPurchasesApart(t, newStore)
}
