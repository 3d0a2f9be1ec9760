package storetest_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/storetest"
)

func TestMemoryTokenStore(t *testing.T) {
	t.Parallel()
	newStore := func(*testing.T) connect.TokenStore { return &connect.MemoryTokenStore{} }
	storetest.RunTokenStore(t, newStore)
	storetest.RunUsersApart(t, newStore)
	storetest.RunUserIDs(t, func(*testing.T) storetest.ListingStore { return &connect.MemoryTokenStore{} })
}

func TestMemoryStateStore(t *testing.T) {
	t.Parallel()
	storetest.RunStateStore(t, func(*testing.T) connect.StateStore { return &connect.MemoryStateStore{} })
}
