package storetest_test

import (
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/storetest"
)

func TestMemoryTokenStore(t *testing.T) {
	t.Parallel()
	newStore := func(*testing.T) gloebit.TokenStore { return &gloebit.MemoryTokenStore{} }
	storetest.RunTokenStore(t, newStore)
	storetest.RunUsersApart(t, newStore)
	storetest.RunUserIDs(t, func(*testing.T) storetest.ListingStore { return &gloebit.MemoryTokenStore{} })
}

func TestMemoryStateStore(t *testing.T) {
	t.Parallel()
	storetest.RunStateStore(t, func(*testing.T) gloebit.StateStore { return &gloebit.MemoryStateStore{} })
}
