package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// What follows is the Go that docs/ledger.md shows, within what it leaves out.

func guideSetup(
	ctx context.Context, mux *http.ServeMux, merchant *gloebit.Merchant, store *sqlstore.Store, key gloebit.Secret,
) *ledger.Ledger {
	purchases, err := ledger.New(ledger.Config{
		Merchant:    merchant,
		Store:       sqlledger.New(store),                // in your database; see "Stores"
		Fulfiller:   warehouse{},                         // your three functions
		CallbackURL: "https://shop.example/gloebit/hold", // as Gloebit reaches it
		Keys:        []gloebit.Secret{key},               // 32 random bytes or more, the same on every replica
		Logger:      slog.Default(),                      // without it nothing is logged
	})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/gloebit/hold/", purchases.Handler())
	go purchases.Run(ctx) // resumes interrupted purchases
	return purchases
}

func guideKeys() []gloebit.Secret {
	var keys []gloebit.Secret
	for _, key := range strings.Fields(os.Getenv("GLOEBIT_SIGNING_KEYS")) {
		keys = append(keys, gloebit.Secret(key))
	}
	return keys
}

func guideBuy(w http.ResponseWriter, r *http.Request, merchant *gloebit.Merchant, purchases *ledger.Ledger) {
	client := gloebit.MustFromContext(r.Context()) // behind merchant.RequireGloebit
	purchase, err := purchases.Purchase(r.Context(), client, ledger.Order{
		IdempotencyKey: r.FormValue("key"), // a random value that the form carries: a double click is one purchase
		Item:           "green-hat", Price: 40, Quantity: 1,
	})
	if err != nil {
		merchant.HandleError(w, r, err) // refused, or not stored: the page says which
		return
	}
	// In progress or finished. The page shows purchase.State.
	http.Redirect(w, r, "/purchases/"+purchase.ID, http.StatusSeeOther)
}

func guideShow(w http.ResponseWriter, r *http.Request, merchant *gloebit.Merchant, purchases *ledger.Ledger) {
	client := gloebit.MustFromContext(r.Context())
	purchase, err := purchases.Get(r.Context(), r.PathValue("id"))
	if err == nil && purchase.UserID != client.User().ID {
		err = gloebit.ErrNotFound // another user's: Get finds every purchase
	}
	if err != nil {
		merchant.HandleError(w, r, err)
		return
	}
	fmt.Fprintln(w, purchase.State)
}

func guideReceipts(
	mail func(ctx context.Context, id, userID, text string) error,
) func(context.Context, ledger.Purchase, ledger.Change) error {
	sendReceipt := func(ctx context.Context, p ledger.Purchase, change ledger.Change) error {
		// From is Delivered when the purchase was erased. It has no user after that.
		if change.To != ledger.Delivered || change.From == ledger.Delivered || p.UserID == "" {
			return nil
		}
		// The mail's ID lets the mail service drop the second of two calls.
		return mail(ctx, p.ID, p.UserID, fmt.Sprintf("Thank you for the %s. You paid %d gloebits.", p.Item, p.Total()))
	}
	return sendReceipt
}

type Fulfiller interface {
	Reserve(ctx context.Context, p ledger.Purchase) error // enact: may we?
	Deliver(ctx context.Context, p ledger.Purchase) error // consume: hand it out
	Release(ctx context.Context, p ledger.Purchase) error // cancel: put it back
}

type warehouse struct{}

func (warehouse) Reserve(context.Context, ledger.Purchase) error { return nil }
func (warehouse) Release(context.Context, ledger.Purchase) error { return nil }

func (warehouse) Deliver(ctx context.Context, p ledger.Purchase) error {
	tx, ok := sqlledger.Tx(ctx)
	if !ok {
		return errors.New("not in the ledger's transaction")
	}
	_, err := tx.ExecContext(ctx,
		"INSERT INTO hats (owner, kind, purchase) VALUES ($1, $2, $3)", p.UserID, p.Item, p.ID)
	return err
}

var (
	_ ledger.Fulfiller = Fulfiller(nil) // the same methods,
	_ Fulfiller        = ledger.Fulfiller(nil)
	_                  = guideSetup
	_                  = guideKeys
	_                  = guideBuy
)

func TestGuideShowsPurchaseToOwnerOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	purchase, err := w.ledger.Purchase(t.Context(), w.client("alice"), ledger.Order{
		IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 1,
	})
	require.NoError(t, err)
	for name, want := range map[string]int{"alice": http.StatusOK, "bob": http.StatusNotFound} {
		r := httptest.NewRequest(http.MethodGet, "/purchases/"+purchase.ID, nil)
		r.SetPathValue("id", purchase.ID)
		answer := httptest.NewRecorder()
		guideShow(answer, r.WithContext(gloebit.NewContext(t.Context(), w.client(name))), w.config.Merchant, w.ledger)
		require.Equal(t, want, answer.Code, name)
	}
}

func TestGuideSendsOneReceipt(t *testing.T) {
	t.Parallel()
	var mails []string
	sendReceipt := guideReceipts(func(_ context.Context, id, userID, text string) error {
		mails = append(mails, id+" "+userID+": "+text)
		return nil
	})
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.OnChange = sendReceipt })
	id := w.bought(hat).ID
	w.settle()
	w.reconcile()
	require.NoError(t, eraseAlice(w))
	w.reconcile()
	require.Equal(t, []string{id + " alice: Thank you for the hat. You paid 100 gloebits."}, mails)
}

func TestGuideSendsNoReceiptToErasedUser(t *testing.T) {
	t.Parallel()
	sendReceipt := guideReceipts(func(context.Context, string, string, string) error {
		t.Error("there is no user to mail to")
		return errDown
	})
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.OnChange = sendReceipt })
	id := w.bought(hat).ID
	w.settle()
	require.NoError(t, eraseAlice(w))
	w.reconcile()
	require.Zero(t, w.get(id).ReportAt)
}

func eraseAlice(w *world) error {
	_, err := w.ledger.Erase(w.t.Context(), "alice", ledger.Act{})
	return err
}
