package redisstore_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/stretchr/testify/require"
)

func TestSecurity(t *testing.T) {
	t.Parallel()
	adaptertest.RunStoreSecurity(t, adaptertest.Storage{Open: ownServer})
}

func TestSecuritySealed(t *testing.T) {
	t.Parallel()
	adaptertest.RunStoreSecurity(t, adaptertest.Storage{Sealed: true, Open: func(t *testing.T) adaptertest.Stores {
		stores := ownServer(t)
		oldKey := sealed.Key{ID: "old", Secret: "0123456789abcdef0123456789abcdef"}
		newKey := sealed.Key{ID: "new", Secret: "fedcba9876543210fedcba9876543210"}
		stores.Inner = stores.Processes[0].Tokens
		for i, keys := range [][]sealed.Key{{oldKey, newKey}, {newKey, oldKey}} {
			tokens, err := sealed.New(stores.Processes[i].Tokens, keys...)
			require.NoError(t, err)
			stores.Processes[i].Tokens = tokens
		}
		return stores
	}})
}

// ownServer is a Redis for one case. Each process has its own clients.
func ownServer(t *testing.T) adaptertest.Stores {
	t.Helper()
	server := newServer(t)
	stores := adaptertest.Stores{Down: func(down bool) {
		if down {
			server.kill()
		} else {
			server.start()
		}
	}}
	for range 2 {
		store := newStore(t, redisstore.Config{Client: server.client(t, 0)})
		stores.Processes = append(stores.Processes, adaptertest.Process{States: store, Tokens: connect.TokenStore(store)})
	}
	return stores
}
