package ledger_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestRefusedOrders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply string
		want  error
	}{
		"insufficient balance": {
			`{"success":false,"status":"queued","reason":"insufficient balance"}`, gloebit.ErrInsufficientBalance,
		},
		"cannot-spend":     {`{"success":false,"status":"cannot-spend","reason":"locked"}`, gloebit.ErrCannotSpend},
		"cannot-receive":   {`{"success":false,"status":"cannot-receive","reason":"locked"}`, gloebit.ErrCannotReceive},
		"unknown-merchant": {`{"success":false,"status":"unknown-merchant","reason":"?"}`, gloebit.ErrUnknownMerchant},
		"unknown-subscription": {
			`{"success":false,"status":"unknown-subscription","reason":"?"}`, gloebit.ErrUnknownSubscription,
		},
		"unknown-authorization": {
			`{"success":false,"status":"unknown-subscription-authorization","reason":"?"}`,
			gloebit.ErrUnknownSubscriptionAuthorization,
		},
		"authorization-pending": {
			`{"success":false,"status":"subscription-authorization-pending","reason":"?"}`,
			gloebit.ErrSubscriptionAuthorizationPending,
		},
		"authorization-decline": {
			`{"success":false,"status":"subscription-authorization-declined","reason":"?"}`,
			gloebit.ErrSubscriptionAuthorizationDeclined,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.gloebit.Inject(gloebittest.Fault{Path: "transact", Times: 1, Body: c.reply})
			order := hat
			order.IdempotencyKey = "key"
			p, err := w.buy(order)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, ledger.Refused, p.State)
			require.True(t, p.Finished() && !p.Paid() && p.NextAt.IsZero())
			require.NotEmpty(t, p.Cause)
			require.ErrorIs(t, w.get(p.ID).Err(), c.want, "the stored purchase has the same error")

			w.wantAnswer(p.ID, "enact", http.StatusOK, refused)
			require.Empty(t, w.goods.all())

			again := w.bought(order)
			require.Equal(t, p.ID, again.ID, "the same purchase is sent again")
			require.Empty(t, again.Cause)
			w.settle()
			w.wantState(p.ID, ledger.Delivered)
			require.EqualValues(t, 100, w.charged())
		})
	}
}

func TestRefusedCallFreesTheKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault gloebittest.Fault
		want  error
	}{
		"the token was revoked":     {gloebittest.Fault{Reason: "unknown OAuth2 token"}, gloebit.ErrNotConnected},
		"the scope was not granted": {gloebittest.Fault{Reason: "missing domain"}, gloebit.ErrScopeMissing},
		"for a reason of its own":   {gloebittest.Fault{Reason: "the moon is full"}, gloebit.ErrRefused},
		"the application is gone":   {gloebittest.Fault{Reason: "unknown consumer"}, gloebit.ErrUnknownApplication},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.fault.Path, c.fault.Times = "transact", 1
			w.gloebit.Inject(c.fault)
			order := hat
			order.IdempotencyKey = "key"
			p, err := w.buy(order)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, ledger.Refused, p.State)
			require.ErrorIs(t, p.Err(), gloebit.ErrRefused)
			w.connect("alice")
			w.clock.Advance(time.Second)
			again := w.bought(order)
			require.Equal(t, p.ID, again.ID)
			w.settle()
			w.wantState(p.ID, ledger.Delivered)
			require.EqualValues(t, 100, w.charged())
		})
	}
}

func TestRefusalFreesTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.gloebit.AddBalance("alice", "-950"))
	order := hat
	order.IdempotencyKey = "key"
	p, err := w.buy(order)
	require.ErrorIs(t, err, gloebit.ErrInsufficientBalance)
	require.NoError(t, w.gloebit.AddBalance("alice", "100"))

	t.Run("the same order is sent again", func(t *testing.T) {
		again := w.bought(order)
		require.Equal(t, p.ID, again.ID)
		w.settle()
		w.wantState(p.ID, ledger.Delivered)
		require.EqualValues(t, 100, w.charged())
	})
	t.Run("another order is another purchase", func(t *testing.T) {
		dear := order
		dear.IdempotencyKey, dear.Price = "another key", 60
		_, err := w.buy(dear)
		require.ErrorIs(t, err, gloebit.ErrInsufficientBalance)
		cheap := dear
		cheap.Price = 50
		bought := w.bought(cheap)
		w.settle()
		w.wantState(bought.ID, ledger.Delivered)
		held, err := w.buy(dear)
		require.ErrorIs(t, err, ledger.ErrKeyReused)
		require.Equal(t, http.StatusConflict, gloebit.StatusCode(err))
		require.Equal(t, bought.ID, held.ID, "the first purchase is at hand")
	})
}
