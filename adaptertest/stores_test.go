package adaptertest_test

import (
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/go-gloebit/gloebit/ledger"
)

// TestSecurityInMemory gives both replicas the same stores, because processes
// share no memory.
func TestSecurityInMemory(t *testing.T) {
	adaptertest.RunStoreSecurity(t, adaptertest.Storage{
		Purchases: true,
		Open: func(*testing.T) adaptertest.Stores {
			one := adaptertest.Process{
				States: &gloebit.MemoryStateStore{}, Tokens: &gloebit.MemoryTokenStore{}, Purchases: &ledger.MemoryStore{},
			}
			return adaptertest.Stores{Processes: []adaptertest.Process{one, one}}
		},
	})
}
