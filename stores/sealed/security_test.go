package sealed_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/go-gloebit/gloebit/connect"
)

func TestSecurity(t *testing.T) {
	adaptertest.RunStoreSecurity(t, adaptertest.Storage{Sealed: true, Open: func(t *testing.T) adaptertest.Stores {
		states, inner := &connect.MemoryStateStore{}, &connect.MemoryTokenStore{}
		oldKey, newKey := keyOf("old", 1), keyOf("new", 2)
		return adaptertest.Stores{Inner: inner, Processes: []adaptertest.Process{
			{States: states, Tokens: newStore(t, inner, oldKey, newKey)},
			{States: states, Tokens: newStore(t, inner, newKey, oldKey)},
		}}
	}})
}
