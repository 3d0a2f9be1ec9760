package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/stretchr/testify/require"
)

// TestPaidPurchasesAreDeliveredWhileTransactHangs stores 200 orders to send to
// a Gloebit that does not respond, and 100 paid purchases to deliver.
func TestPaidPurchasesAreDeliveredWhileTransactHangs(t *testing.T) {
	t.Parallel()
	const unsent, paid = 200, 100
	for _, store := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			p := newTestPlace(t, store)
			require.NoError(t, p.prepare(t.Context()))
			w := &world{options: options{place: p}, courier: newCourier(nil, false)}
			require.NoError(t, w.openShop())
			defer func() { _ = w.db.Close() }()
			w.openGloebit()
			defer w.gloebit.Close()
			require.NoError(t, w.admit(t.Context()))
			w.gloebit.Inject(gloebittest.Fault{Path: "transact", Latency: time.Hour})
			merchant, err := gloebit.New(gloebit.Config{
				ClientID: w.app.Key, ClientSecret: gloebit.Secret(w.app.Secret), RedirectURL: "http://127.0.0.1/gloebit/callback",
				Provider: gloebit.ProviderAt(w.gloebit.URL), Tokens: w.tokens, States: w.tokens,
			})
			require.NoError(t, err)
			purchases, err := ledger.New(ledger.Config{
				Merchant: merchant, Store: sqlledger.New(w.tokens),
				Fulfiller:   newWarehouse(shopPlan{Place: p, ClientID: w.app.Key}, w.db),
				CallbackURL: holdURL, Keys: []gloebit.Secret{signingKey}, StepTimeout: 3 * time.Second,
			})
			require.NoError(t, err)
			account, _ := w.gloebit.User(richUser(0))
			w.fill(t, account.ID, unsent, ledger.Created)
			w.fill(t, account.ID, paid, ledger.Settled)

			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- purchases.Run(ctx) }()
			start := time.Now()
			require.Eventually(
				t, func() bool { return w.count(t, ledger.Delivered) == paid }, 10*time.Second, 20*time.Millisecond,
			)
			t.Logf("%d paid purchases beside %d unsent ones were delivered in %v", paid, unsent, time.Since(start))
			require.Equal(t, unsent, w.count(t, ledger.Created), "an unanswered order is neither refused nor canceled")
			stop()
			require.ErrorIs(t, <-ended, context.Canceled)
			require.Empty(t, w.gloebit.Transactions(), "nothing was charged")
		})
	}
}

// fill stores n due purchases in a state.
func (w *world) fill(t *testing.T, account string, n int, state ledger.State) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	connection, err := w.tokens.Load(t.Context(), w.doorman.key(richUser(0)))
	require.NoError(t, err)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := worker; i < n; i += 8 {
				p := ledger.Purchase{
					Realm: w.realm(), ID: fmt.Sprintf("%s-%d", state, i), UserID: richUser(0), GloebitID: account, State: state,
					ConnectedAt: connection.ConnectedAt,
					Order:       ledger.Order{Item: "hat", Price: price, Quantity: 1},
					CreatedAt:   now, UpdatedAt: now, NextAt: now, History: []ledger.Change{{To: state, At: now}},
				}
				if state == ledger.Settled {
					p.PaidAt = now
				}
				if _, _, err := w.store.Create(t.Context(), p); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// count counts the purchases in a state.
func (w *world) count(t *testing.T, state ledger.State) (n int) {
	t.Helper()
	query := "SELECT COUNT(*) FROM gloebit_purchases WHERE realm = '" + w.realm() + "' AND state = '" + string(state) + "'"
	require.NoError(t, w.db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}
