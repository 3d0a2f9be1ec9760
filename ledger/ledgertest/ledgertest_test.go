package ledgertest_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/ledgertest"
)

func TestMemoryLedgerStore(t *testing.T) {
	t.Parallel()
	newStore := func(*testing.T) ledger.Store { return &ledger.MemoryStore{} }
	ledgertest.RunStore(t, newStore)
	ledgertest.RunPurchasesApart(t, newStore)
}
