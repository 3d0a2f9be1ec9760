package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
)

// hatShop hands out hats. It is a Fulfiller.
type hatShop struct{ stock int }

func (s *hatShop) Reserve(_ context.Context, p ledger.Purchase) error {
	if s.stock < int(p.Quantity) {
		return errors.New("sold out")
	}
	s.stock -= int(p.Quantity)
	fmt.Println("reserved:", p.Item)
	return nil
}

func (s *hatShop) Deliver(_ context.Context, p ledger.Purchase) error {
	fmt.Println("delivered:", p.Item, "to", p.UserID)
	return nil
}

func (s *hatShop) Release(_ context.Context, p ledger.Purchase) error {
	fmt.Println("released:", p.Item, "since", p.Cause)
	return nil
}

// An order is charged once and delivered once; one that the shop declines is
// canceled, and the gloebits go back.
func Example() {
	ctx := context.Background()
	world := gloebittest.NewServerConfig(gloebittest.Config{Queue: gloebittest.Queue{Manual: true}})
	defer world.Close()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	merchant := exampleMerchant(world, server.URL)

	purchases, err := ledger.New(ledger.Config{
		Merchant: merchant, Fulfiller: &hatShop{stock: 1},
		CallbackURL: server.URL + "/gloebit/hold",
		Keys:        []gloebit.Secret{"32 random bytes, from your secrets"},
	})
	if err != nil {
		panic(err)
	}
	mux.Handle("/gloebit/hold/", purchases.Handler())

	client, err := merchant.Client(ctx, "alice") // in a handler: gloebit.MustFromContext(r.Context())
	if err != nil {
		panic(err)
	}
	for _, key := range []string{"form-1", "form-1", "form-2"} { // the first form is sent twice
		buyHat(ctx, world, purchases, client, key)
	}
	fmt.Println("alice has", world.Balance("alice"))
	// Output:
	// reserved: green hat
	// delivered: green hat to alice
	// form-1 is delivered <nil>
	// form-1 is delivered <nil>
	// released: green hat since Reserve: sold out
	// form-2 is released <nil>
	// alice has 60
}

func buyHat(
	ctx context.Context, world *gloebittest.Server, purchases *ledger.Ledger, client *gloebit.Client, key string,
) {
	purchase, err := purchases.Purchase(ctx, client, ledger.Order{
		IdempotencyKey: key, Item: "green hat", Price: 40, Quantity: 1,
	})
	if err != nil {
		panic(err)
	}
	if err := world.Settle(ctx); err != nil { // Gloebit calls back
		panic(err)
	}
	purchase, err = purchases.Get(ctx, purchase.ID)
	fmt.Println(key, "is", purchase.State, err)
}

// exampleMerchant makes an application, and a user who is connected to it.
func exampleMerchant(world *gloebittest.Server, shop string) *gloebit.Merchant {
	app, err := world.AddApplication(gloebittest.Application{Name: "Hats", RedirectPrefixes: []string{shop + "/"}})
	if err != nil {
		panic(err)
	}
	tokens := &gloebit.MemoryTokenStore{}
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret), Provider: gloebit.ProviderAt(world.URL),
		RedirectURL: shop + "/gloebit/callback", Tokens: tokens,
	})
	if err != nil {
		panic(err)
	}
	if _, err := world.AddUser(gloebittest.User{Name: "alice", Balance: "100"}); err != nil {
		panic(err)
	}
	token, err := world.IssueToken(app.Key, "alice", "transact")
	if err != nil {
		panic(err)
	}
	alice := connect.Key{Realm: merchant.Realm(), ID: "alice"}
	err = tokens.Update(context.Background(), alice, func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: gloebit.Secret(token), Scopes: []gloebit.Scope{gloebit.ScopeTransact}}, nil
	})
	if err != nil {
		panic(err)
	}
	return merchant
}
