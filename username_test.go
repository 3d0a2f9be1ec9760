package gloebit_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// TestUsername checks what a transaction calls the user.
func TestUsername(t *testing.T) {
	identity := []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeTransact}
	for name, test := range map[string]struct {
		userID     string
		credential gloebit.Credential
		given      string
		want       string // empty: nothing is sent
		asked      bool   // GET id comes first
	}{
		"given":                        {"u", gloebit.Credential{Name: "Al Ice", Scopes: identity}, "Al", "Al", false},
		"kept from the connection":     {"u", gloebit.Credential{Name: "Al Ice", Scopes: identity}, "", "Al Ice", false},
		"application's id":             {"u", gloebit.Credential{Scopes: identity}, "", "u", false},
		"session, not read before":     {"session:1", gloebit.Credential{Scopes: identity}, "", "Alice", true},
		"session, kept":                {"session:1", gloebit.Credential{Name: "Al Ice", Scopes: identity}, "", "Al Ice", false},
		"session, given":               {"session:1", gloebit.Credential{}, "Al", "Al", false},
		"session without a name":       {"session:1", gloebit.Credential{Scopes: identity[1:]}, "", "", false},
		"application's id, no scope":   {"u", gloebit.Credential{Scopes: identity[1:]}, "", "u", false},
		"session, name in other scope": {"session:1", gloebit.Credential{Scopes: []gloebit.Scope{gloebit.ScopeUser}}, "", "Alice", true},
	} {
		t.Run(name, func(t *testing.T) {
			var sent []string
			_, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					sent = append(sent, "identity")
					_, _ = io.WriteString(w, `{"success":true,"id":"a-1","name":"Alice","params":{}}`)
					return
				}
				var body map[string]any
				require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
				require.Equal(t, body["merchant-user-id"], body["username-on-application"])
				sent = append(sent, body["merchant-user-id"].(string))
				_, _ = io.WriteString(w, `{"success":true,"status":"queued","reason":"success"}`)
			})
			test.credential.AccessToken = "token"
			require.NoError(t, tokens.Update(t.Context(), test.userID, save(test.credential)))
			client, err := merchant.Client(t.Context(), test.userID)
			require.NoError(t, err)
			_, err = client.PurchaseProduct(t.Context(), gloebit.ProductOrder{ID: "t-1", Product: "hat", Username: test.given, Quantity: 1})
			var want []string
			if test.asked {
				want = append(want, "identity")
			}
			if test.want == "" {
				require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
			} else {
				require.NoError(t, err)
				want = append(want, test.want)
			}
			require.Equal(t, want, sent)
		})
	}
}

// TestNameAtConnection checks that a connection reads the name, keeps it through
// a refresh, and does not fail when it can't be read.
func TestNameAtConnection(t *testing.T) {
	server := gloebittest.Config{RefreshTokens: true, TokenLifetime: time.Minute}
	for name, test := range map[string]struct {
		scopes []gloebit.Scope
		fault  gloebittest.Fault
		want   string // in the credential
		sent   string // by a purchase
	}{
		"read":       {nil, gloebittest.Fault{}, "alice", "alice"},
		"no scope":   {[]gloebit.Scope{gloebit.ScopeTransact}, gloebittest.Fault{}, "", "ann"},
		"unreadable": {nil, gloebittest.Fault{Path: "id", Status: http.StatusNotFound}, "", "ann"},
		"refused":    {nil, gloebittest.Fault{Path: "id", Reason: "unknown user"}, "", "ann"},
	} {
		t.Run(name, func(t *testing.T) {
			var told gloebit.Connection
			w, client := connectedAt(t, server, "", func(_ *world, c *gloebit.Config) {
				c.Scopes = test.scopes
				c.OnConnect = func(_ *http.Request, connection gloebit.Connection) error { told = connection; return nil }
			}, func(w *world, _ *gloebit.Config) {
				if test.fault.Path != "" {
					w.gloebit.Inject(test.fault)
				}
			})
			require.Equal(t, test.want, told.Name)
			for range 2 {
				credential, err := w.tokens.Load(t.Context(), "id of ann")
				require.NoError(t, err)
				require.Equal(t, test.want, credential.Name)
				_, err = client.PurchaseProduct(t.Context(), gloebit.ProductOrder{ID: uuid.NewString(), Product: "green-hat", Quantity: 1})
				require.NoError(t, err)
				require.Equal(t, test.sent, w.gloebit.Transactions()[0].Username)
				w.clock.Advance(61 * time.Second) // the next purchase refreshes the token
			}
		})
	}
}

// TestProductPrice checks what becomes of a price that is sent with a product.
func TestProductPrice(t *testing.T) {
	const queued = `{"success":true,"status":"queued","reason":"success"`
	for name, test := range map[string]struct {
		price, quantity int64
		answer          string
		sent            any
		err             error
		charged         string
	}{
		"none":                {0, 2, queued + `}`, nil, nil, ""},
		"sent as a total":     {40, 2, queued + `}`, 80., nil, ""},
		"told and the same":   {40, 1, queued + `,"gloebit-balance-change":40.0}`, 40., nil, "40.0"},
		"told and another":    {40, 2, queued + `,"gloebit-balance-change":90}`, 80., gloebit.ErrPriceChanged, "90"},
		"told without a sent": {0, 1, queued + `,"gloebit-balance-change":90}`, nil, nil, "90"},
		"negative":            {-1, 1, "", nil, gloebit.ErrInvalidRequest, ""},
		"too much":            {1 << 52, 3, "", nil, gloebit.ErrInvalidRequest, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var body map[string]any
			client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
				_, _ = io.WriteString(w, test.answer)
			})
			order := gloebit.ProductOrder{Key: "k", Product: "hat", Price: test.price, Quantity: test.quantity}
			receipt, err := client.PurchaseProduct(t.Context(), order)
			if test.answer == "" {
				require.ErrorIs(t, err, test.err)
				require.Nil(t, body)
				return
			}
			require.ErrorIs(t, err, test.err)
			require.Equal(t, gloebit.OutcomeQueued, receipt.Outcome, "the transaction stands")
			require.Equal(t, test.sent, body["gloebit-balance-change"])
			if test.charged == "" {
				require.Nil(t, receipt.Charged)
			} else {
				require.Equal(t, test.charged, receipt.Charged.String())
			}
			order.Price++
			again, _ := client.PurchaseProduct(context.Background(), order)
			require.Equal(t, receipt.TransactionID, again.TransactionID, "a new price is no new purchase")
		})
	}
}
