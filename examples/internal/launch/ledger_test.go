package launch_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

// askedStore signals when the ledger asks for due purchases.
type askedStore struct {
	ledger.MemoryStore
	once    sync.Once
	asked   chan struct{} // closed at the first time
	finish  chan struct{} // what it waits for then
	pinging func(context.Context) error
	open    error // what pinging said after that
}

func (s *askedStore) Claim(
	ctx context.Context, realm string, state ledger.State, now, until time.Time,
) (ledger.Purchase, error) {
	s.once.Do(func() {
		close(s.asked)
		<-s.finish
		s.open = s.pinging(context.WithoutCancel(ctx))
	})
	return s.MemoryStore.Claim(ctx, realm, state, now, until)
}

func TestLedgerFinishesItsWorkOnShutdown(t *testing.T) {
	store := &askedStore{asked: make(chan struct{}), finish: make(chan struct{})}
	build := func(s launch.Settings) (launch.Shop, error) {
		store.pinging = s.Books.DB().PingContext
		merchant, err := gloebit.New(gloebit.Config{
			ClientID: s.ClientID, ClientSecret: s.ClientSecret, Provider: s.Provider, RedirectURL: s.URL + launch.CallbackPath,
		})
		if err != nil {
			return launch.Shop{}, err
		}
		purchases, err := ledger.New(ledger.Config{
			Merchant: merchant, Store: store, CallbackURL: s.URL + launch.HoldPath, Keys: s.Books.Keys,
		})
		return launch.Shop{Handler: http.NotFoundHandler(), Purchases: purchases}, err
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- launch.Run(
			ctx, []string{"-addr", "127.0.0.1:0", "-sandbox-addr", "127.0.0.1:0", "-db", ""}, t.Output(), t.Output(), build,
		)
	}()
	select {
	case <-store.asked:
	case err := <-ended:
		require.FailNow(t, "the shop has ended", "%v", err)
	case <-time.After(20 * time.Second):
		require.FailNow(t, "nothing asks what is due")
	}
	stop()
	select {
	case <-ended:
		require.FailNow(t, "the ledger was left in the middle of something")
	case <-time.After(50 * time.Millisecond): // long enough to see a shop that does not wait
	}
	close(store.finish)
	require.NoError(t, <-ended)
	require.NoError(t, store.open, "the books are open for as long as the ledger works")
}
