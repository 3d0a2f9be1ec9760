package docs_test

import (
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// sale is one purchase of an object in a world.
type sale struct {
	ID          string // as the world's simulator counts its sales
	Object      string
	Price       int64
	Grid        string
	Region      string
	SellerID    string // the avatar's UUID
	SellerName  string
	SellerEmail string // at Gloebit
}

// transaction returns what is sent for the sale.
func (s sale) transaction() gloebit.Transaction {
	return gloebit.Transaction{
		IdempotencyKey: s.ID, // a sale that is sent twice is charged once
		Asset:          s.Object,
		AssetQuantity:  1,
		Total:          s.Price,
		Details: &gloebit.Details{
			Platform:    []gloebit.Descriptor{{Name: "grid-name", Value: s.Grid}},
			Location:    []gloebit.Descriptor{{Name: "region-name", Value: s.Region}},
			Transaction: []gloebit.Descriptor{{Name: "object-name", Value: s.Object}},
		},
	}
}

func TestOpenSim(t *testing.T) {
	shop, merchant := connected(t)
	_, err := shop.Gloebit.AddUser(gloebittest.User{Name: "carol", Email: "carol@world.example"})
	require.NoError(t, err)
	ctx, agentID := t.Context(), "alice"
	s := sale{
		ID: "sale-1", Object: "Red Hat", Price: 7, Grid: "Hatgrid", Region: "Brim",
		SellerID: "5f0c6a3e-0000-4000-8000-000000000001", SellerName: "Carol Resident", SellerEmail: "carol@world.example",
	}

	client, err := merchant.Client(ctx, agentID)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := client.TransactU2U(ctx, s.transaction(), gloebit.Seller{
		ID: s.SellerID, Name: s.SellerName, Email: s.SellerEmail,
	})
	if err != nil {
		t.Fatal(err)
	}

	require.Equal(t, gloebit.OutcomeQueued, receipt.Outcome)
	require.Equal(t, "7", shop.Gloebit.Balance("carol"))
	s.ID = "sale-2" // and one that pays the application
	_, err = client.TransactV2(ctx, s.transaction())
	require.NoError(t, err)
	require.Equal(t, "986", shop.Gloebit.Balance("alice"))
	require.Equal(t, "Brim", shop.Gloebit.Transactions()[1].Details.Location[0].Value)
}

func TestOpenSimSubscription(t *testing.T) {
	shop, merchant := connected(t)
	ctx := t.Context()
	client, err := merchant.Client(ctx, "alice")
	require.NoError(t, err)

	// Once, for the vending machine:
	subscription, err := merchant.CreateSubscription(ctx, gloebit.Subscription{
		LocalID: "0d6e7a3a-0000-4000-8000-000000000002", Name: "Hat machine", Description: "pays for hats that it gives",
	})
	if err != nil {
		t.Fatal(err)
	}
	// Once, for its owner:
	authorization, err := client.CreateSubscriptionAuthorization(ctx, subscription.ID)
	if err != nil {
		t.Fatal(err)
	}
	page := merchant.SubscriptionAuthorizationURL(authorization.ID) // the owner approves there

	require.Contains(t, page, "/authorize-subscription/"+authorization.ID+"/")
	require.NoError(t, shop.Gloebit.ApproveSubscription(authorization.ID))
	// Each time that the machine pays, with its owner away:
	receipt, err := client.TransactV2(ctx, gloebit.Transaction{
		IdempotencyKey: "hat-4711", Asset: "Red Hat", AssetQuantity: 1, Total: 7, SubscriptionID: subscription.ID,
	})

	require.NoError(t, err)
	require.Equal(t, gloebit.OutcomeQueued, receipt.Outcome)
}

func TestOpenSimSettings(t *testing.T) {
	tokens, agent := &gloebit.MemoryTokenStore{}, func(*http.Request) (gloebit.User, error) { return gloebit.User{}, nil }
	getenv := environment("sandbox")
	config := gloebit.Config{
		ClientID:     getenv("GLOEBIT_CLIENT_ID"),                     // GLBKey
		ClientSecret: gloebit.Secret(getenv("GLOEBIT_CLIENT_SECRET")), // GLBSecret
		Provider:     gloebit.Sandbox(),                               // GLBEnvironment = sandbox
		RedirectURL:  "https://grid.example/gloebit/callback",         // /gloebit/auth_complete
		Scopes:       []gloebit.Scope{gloebit.ScopeBalance, gloebit.ScopeTransact},
		User:         agent,  // the avatar's UUID and name
		Tokens:       tokens, // in place of the table GloebitUsers
	}
	merchant, err := gloebit.New(config)

	require.NoError(t, err)
	require.Equal(t, "/gloebit/connect?return_to=%2F", merchant.ConnectURL("/"))
}
