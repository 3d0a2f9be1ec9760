package adaptertest_test

import (
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/go-gloebit/gloebit/ledger"
)

// Memory has no second process: here both have the same stores.
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
