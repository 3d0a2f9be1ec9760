package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

// shop sells through a ledger in a database, with a canned Gloebit, so that
// only the ledger and its database take time.
type shop struct {
	ledger *ledger.Ledger
	client *gloebit.Client
	holds  sync.Map // the hold URLs that Gloebit received, by the transaction's ID
}

// transaction has the fields that the canned Gloebit reads from a transact
// request.
type transaction struct {
	ID      string `json:"id"`
	Enact   string `json:"asset-enact-hold-url"`
	Consume string `json:"asset-consume-hold-url"`
}

// deliverer delivers purchases in the ledger's transaction.
type deliverer struct{ insert string }

// Reserve implements [ledger.Fulfiller].
func (deliverer) Reserve(context.Context, ledger.Purchase) error { return nil }

// Deliver implements [ledger.Fulfiller].
func (d deliverer) Deliver(ctx context.Context, p ledger.Purchase) error {
	tx, ok := sqlledger.Tx(ctx)
	if !ok {
		return errors.New("the ledger's store is not in this database")
	}
	_, err := tx.ExecContext(ctx, d.insert, p.ID, p.UserID)
	return err
}

// Release implements [ledger.Fulfiller].
func (deliverer) Release(context.Context, ledger.Purchase) error { return nil }

// newShop returns a shop with that pool of the database.
func newShop(ctx context.Context, d *database, db *sql.DB) (*shop, error) {
	s := &shop{}
	tokens := &gloebit.MemoryTokenStore{}
	if err := save(ctx, tokens, keyOf(alice), credentialOf(alice)); err != nil {
		return nil, err
	}
	merchant, err := newMerchant(gloebit.Config{
		User: currentUser, Tokens: tokens, HTTPClient: canned{transact: s.readTransact}.client(),
	})
	if err != nil {
		return nil, err
	}
	if s.client, err = merchant.Client(ctx, alice); err != nil {
		return nil, err
	}
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: d.dialect})
	if err != nil {
		return nil, err
	}
	s.ledger, err = ledger.New(ledger.Config{
		Merchant: merchant, Store: sqlledger.New(store), Fulfiller: deliverer{d.insert},
		CallbackURL: shopURL + "/gloebit/hold", Keys: []gloebit.Secret{"the key of a shop out of all reach"},
	})
	return s, err
}

// readTransact keeps the hold URLs of a transact request, and returns its ID.
func (s *shop) readTransact(body io.Reader) (id string, err error) {
	var t transaction
	err = json.NewDecoder(body).Decode(&t)
	s.holds.Store(t.ID, t)
	return t.ID, err
}

// buy makes a purchase and completes it as Gloebit does: transact, then the
// enact and the consume callback.
func (s *shop) buy(ctx context.Context, key string) (id string, err error) {
	p, err := s.ledger.Purchase(ctx, s.client, ledger.Order{
		IdempotencyKey: key, Item: "green hat", Price: 40, Quantity: 1,
	})
	if err != nil {
		return "", err
	}
	called, ok := s.holds.LoadAndDelete(p.ID)
	if !ok {
		return "", errors.New("no transact came to Gloebit")
	}
	for _, address := range []string{called.(transaction).Enact, called.(transaction).Consume} {
		page := newPage()
		s.ledger.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, address, nil).WithContext(ctx))
		if page.status != http.StatusOK || string(page.body) != "[true]" {
			return "", fmt.Errorf("a callback was answered with %d %s", page.status, page.body)
		}
	}
	return p.ID, nil
}

// newKey returns the key of an order.
func newKey() string { return rand.Text() }
