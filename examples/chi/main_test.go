package main

import (
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-gloebit/gloebit/examples/internal/doubleclick"
)

func TestMain(m *testing.M) {
	// scs.New starts a goroutine that can't be stopped for certain.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"))
}

func TestDoubleClickChargesAndDeliversOnce(t *testing.T) { doubleclick.Run(t, newShop) }

func TestDeliverHandsOverOneHatPerPurchase(t *testing.T) {
	hats := &hats{owners: map[string]string{}}
	for _, purchase := range []ledger.Purchase{{ID: "1", UserID: "a"}, {ID: "1", UserID: "a"}, {ID: "2", UserID: "a"}} {
		require.NoError(t, hats.Deliver(t.Context(), purchase))
	}
	require.Equal(t, 2, hats.of("a"))
	require.Zero(t, hats.of("b"))
}

func TestConfigErrorIsReturned(t *testing.T) {
	_, _, err := newShop("http://127.0.0.1:8080", gloebit.Config{})
	require.ErrorContains(t, err, "Config.ClientID")
}
