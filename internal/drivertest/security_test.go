package drivertest_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/stretchr/testify/require"
)

func TestSecurity(t *testing.T) {
	inParallel(t, kinds, func(t *testing.T, kind kind) {
		adaptertest.RunStoreSecurity(t, adaptertest.Storage{Purchases: true, Open: func(t *testing.T) adaptertest.Stores {
			return processes(t, kind.lend(t))
		}})
	})
}

func TestSecuritySealed(t *testing.T) {
	inParallel(t, kinds, func(t *testing.T, kind kind) {
		adaptertest.RunStoreSecurity(t, adaptertest.Storage{Sealed: true, Open: func(t *testing.T) adaptertest.Stores {
			stores := processes(t, kind.lend(t))
			oldKey := sealed.Key{ID: "old", Secret: "0123456789abcdef0123456789abcdef"}
			newKey := sealed.Key{ID: "new", Secret: "fedcba9876543210fedcba9876543210"}
			stores.Inner = stores.Processes[0].Tokens
			for i, keys := range [][]sealed.Key{{oldKey, newKey}, {newKey, oldKey}} {
				stores.Processes[i].Tokens = must(sealed.New(stores.Processes[i].Tokens, keys...))
			}
			return stores
		}})
	})
}

// processes have a store and a pool each. A proxy makes a server unavailable to
// both; a file loses its tables.
func processes(t *testing.T, d database) (stores adaptertest.Stores) {
	t.Helper()
	addr := d.addr
	if d.addr == "" {
		stores.Down = func(down bool) {
			for _, table := range []string{"oauth_credentials", "oauth_states", "gloebit_purchases"} {
				rename := "ALTER TABLE " + table + " RENAME TO gone_" + table
				if !down {
					rename = "ALTER TABLE gone_" + table + " RENAME TO " + table
				}
				_, err := d.look(t).ExecContext(t.Context(), rename)
				require.NoError(t, err)
			}
		}
	} else {
		p := newProxy(t, d.addr)
		addr = p.addr
		stores.Down = func(down bool) {
			if down {
				p.cut()
			} else {
				p.restore()
			}
		}
	}
	for range 2 {
		store := newStore(d.connectTo(t, addr), d.dialect)
		stores.Processes = append(stores.Processes, adaptertest.Process{
			States: store, Tokens: connect.TokenStore(store), Purchases: store,
		})
	}
	return stores
}
