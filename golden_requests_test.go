package gloebit_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/golden"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// versions are those under which a client speaks the document.
var versions = map[string]gloebit.APIVersion{"default": gloebit.BothVersions, "version A": gloebit.VersionA}

// recorder keeps the requests that a server got.
type recorder struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func (r *recorder) handler(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		r.requests, r.bodies = append(r.requests, request), append(r.bodies, string(body))
		r.mu.Unlock()
		answering(http.StatusOK, answer)(w, request)
	}
}

// only returns the one request that came.
func (r *recorder) only(t *testing.T) (*http.Request, string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.requests, 1)
	return r.requests[0], r.bodies[0]
}

func documentCall(t *testing.T, name string) (golden.File, golden.Call) {
	t.Helper()
	file, err := golden.Load("document")
	require.NoError(t, err)
	for _, call := range file.Calls {
		if call.Name == name {
			return file, call
		}
	}
	require.Fail(t, "no such call", name)
	return file, golden.Call{}
}

// inDocument sets what a client needs to speak the document.
func inDocument(version gloebit.APIVersion, change func(*gloebit.Config)) func(*gloebit.Config, *connect.Credential) {
	return func(config *gloebit.Config, credential *connect.Credential) {
		config.ClientID = "7f6bebb4-6ac9-4eb3-b7ad-ea847f2dc54d"
		config.Provider.APIVersion = version
		config.Clock = func() time.Time { return time.Unix(1399828892, 0) }
		credential.Scopes = []gloebit.Scope{
			gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact, gloebit.ScopeInventory,
		}
		if change != nil {
			change(config)
		}
	}
}

// ownUsers gives the application users of its own.
func ownUsers(config *gloebit.Config) {
	config.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "u"}, nil }
}

// TestDocumentRequests checks the method, path, keys and types of each call of
// the document.
func TestDocumentRequests(t *testing.T) {
	type send = func(context.Context, *gloebit.Client) error
	item := gloebit.Item{Type: "hat", Params: map[string]string{"color": "red"}}
	sends := map[string]map[string]send{
		"identity": {"sent": func(x context.Context, c *gloebit.Client) error {
			_, err := c.Identity(x)
			return err
		}},
		"balance": {"sent": func(x context.Context, c *gloebit.Client) error { _, err := c.Balance(x); return err }},
		"transact": {
			"an item": func(x context.Context, c *gloebit.Client) error {
				_, err := c.PurchaseItem(x, gloebit.ItemOrder{
					IdempotencyKey: uuid.NewString(), Item: "wrap", Price: 5, Quantity: 3,
				})
				return err
			},
			"a product": func(x context.Context, c *gloebit.Client) error {
				_, err := c.PurchaseProduct(x, gloebit.ProductOrder{
					IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 1,
				})
				return err
			},
			"with everything": func(x context.Context, c *gloebit.Client) error {
				hold := gloebit.HoldURLs{
					Enact: "https://shop.example/e", Consume: "https://shop.example/c", Cancel: "https://shop.example/x",
				}
				_, err := c.Transact(x, gloebit.Transaction{
					IdempotencyKey: uuid.NewString(), Asset: "wrap", AssetQuantity: 3, Total: 15, Hold: hold,
				})
				return err
			},
		},
		"new item": {
			"with all": func(x context.Context, c *gloebit.Client) error {
				_, err := c.CreateInventoryItem(x, item)
				return err
			},
			"with nothing": func(x context.Context, c *gloebit.Client) error {
				_, err := c.CreateInventoryItem(x, gloebit.Item{})
				return err
			},
		},
		"list items": {"sent": func(x context.Context, c *gloebit.Client) error {
			_, err := c.InventoryItemIDs(x, "")
			return err
		}},
		"list items of a folder": {"sent": func(x context.Context, c *gloebit.Client) error {
			_, err := c.InventoryItemIDs(x, gloebit.RootFolder)
			return err
		}},
		"get item": {"sent": func(x context.Context, c *gloebit.Client) error {
			_, err := c.InventoryItem(x, "{item}")
			return err
		}},
		"update item": {
			"with all": func(x context.Context, c *gloebit.Client) error {
				return c.ReplaceInventoryItem(x, "a new one", item)
			},
			"with nothing": func(x context.Context, c *gloebit.Client) error {
				return c.ReplaceInventoryItem(x, "a new one", gloebit.Item{})
			},
		},
		"delete item": {"sent": func(x context.Context, c *gloebit.Client) error {
			return c.DeleteInventoryItem(x, "{item}")
		}},
		"products": {"sent": func(x context.Context, c *gloebit.Client) error {
			_, err := c.Products(x)
			return err
		}},
		"consume": {"sent": func(x context.Context, c *gloebit.Client) error {
			_, err := c.ConsumeProduct(x, "green-hat", 1)
			return err
		}},
	}
	file, err := golden.Load("document")
	require.NoError(t, err)
	require.Len(t, sends, len(file.Calls))
	for versionName, version := range versions {
		for _, call := range file.Calls {
			for sendName, send := range sends[call.Name] {
				t.Run(versionName+"/"+call.Name+"/"+sendName, func(t *testing.T) {
					answer := withoutID(t, call.Answers[0].JSON, call.Name == "transact")
					var got recorder
					client, _, _ := clientOf(t, got.handler(answer), inDocument(version, ownUsers))
					require.NoError(t, send(t.Context(), client))
					request, body := got.only(t)
					require.Equal(t, call.Method, request.Method)
					require.Equal(t, call.Path, request.URL.Path)
					require.Empty(t, request.URL.RawQuery)
					require.Equal(t, "Bearer "+string(canaryToken), request.Header.Get("Authorization"))
					if call.Keys == nil {
						require.Empty(t, body)
						return
					}
					require.Equal(t, "application/json", request.Header.Get("Content-Type"))
					require.NoError(t, call.Keys.Check([]byte(body)), body)
				})
			}
		}
	}
}

// withoutID returns an answer without the id of another transaction.
func withoutID(t *testing.T, answer json.RawMessage, transact bool) string {
	t.Helper()
	if !transact {
		return string(answer)
	}
	var fields map[string]any
	require.NoError(t, json.Unmarshal(answer, &fields))
	delete(fields, "id")
	result, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(result)
}

// TestMerchantUserIDIsSent checks that merchant-user-id is always sent, because
// the document does not call it optional.
func TestMerchantUserIDIsSent(t *testing.T) {
	_, call := documentCall(t, "transact")
	for name, test := range map[string]struct {
		change   func(*gloebit.Config)
		username string
		want     string // empty means any, or that nothing is sent
	}{
		"the order's":                {nil, "al", "al"},
		"the order's before another": {ownUsers, "al", "al"},
		"the application's id":       {ownUsers, "", "u"},
		"nothing is known":           {nil, "", ""},
	} {
		for versionName, version := range versions {
			t.Run(name+"/"+versionName, func(t *testing.T) {
				var got recorder
				answer := withoutID(t, call.Answers[0].JSON, true)
				client, _, _ := clientOf(t, got.handler(answer), inDocument(version, test.change))
				_, err := client.PurchaseItem(t.Context(), gloebit.ItemOrder{
					IdempotencyKey: uuid.NewString(), Item: "wrap", Price: 5, Username: test.username, Quantity: 1,
				})
				if test.want == "" && err != nil {
					require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
					require.Empty(t, got.bodies)
					return
				}
				require.NoError(t, err)
				_, body := got.only(t)
				require.NoError(t, call.Keys.Check([]byte(body)), body)
				if test.want != "" {
					require.Contains(t, body, `"merchant-user-id":"`+test.want+`"`)
				}
			})
		}
	}
}

// TestDocumentExample sends the document's example: a product with its price.
func TestDocumentExample(t *testing.T) {
	_, call := documentCall(t, "transact")
	var example map[string]any
	require.NoError(t, json.Unmarshal(call.JSON, &example))
	id, username := example["id"].(string), example["merchant-user-id"].(string)
	for name, send := range map[string]func(*testing.T, *gloebit.Client) error{
		"Transact": func(t *testing.T, c *gloebit.Client) error {
			_, err := c.Transact(t.Context(), gloebit.Transaction{
				ID: id, Product: "green-hat", ProductQuantity: 1, Total: 40, Username: username,
			})
			return err
		},
		"PurchaseProduct": func(t *testing.T, c *gloebit.Client) error {
			order := gloebit.ProductOrder{ID: id, Product: "green-hat", Price: 40, Username: username, Quantity: 1}
			_, err := c.PurchaseProduct(t.Context(), order)
			return err
		},
	} {
		for versionName, version := range versions {
			t.Run(name+"/"+versionName, func(t *testing.T) {
				var got recorder
				client, _, _ := clientOf(t, got.handler(string(call.Answers[0].JSON)), inDocument(version, nil))
				require.NoError(t, send(t, client))
				_, body := got.only(t)
				var sent map[string]any
				require.NoError(t, json.Unmarshal([]byte(body), &sent))
				for key, value := range example {
					require.Equal(t, value, sent[key], key)
				}
				if version == gloebit.VersionA {
					for key := range sent {
						require.Contains(t, call.Keys, key, "the document does not have it")
					}
				}
			})
		}
	}
}

// TestDocumentServer checks that a strict server of the document accepts every
// call.
func TestDocumentServer(t *testing.T) {
	for versionName, version := range versions {
		t.Run(versionName, func(t *testing.T) {
			server := gloebittest.NewServerConfig(gloebittest.Config{Strict: true})
			t.Cleanup(server.Close)
			app, err := server.AddApplication(gloebittest.Application{
				Key: "key", Secret: "secret", Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
			})
			require.NoError(t, err)
			_, err = server.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
			require.NoError(t, err)
			token, err := server.IssueToken(app.Key, "alice", "id", "balance", "transact", "inventory")
			require.NoError(t, err)
			client, _, _ := clientOf(t, answering(http.StatusInternalServerError, ""),
				func(config *gloebit.Config, credential *connect.Credential) {
					inDocument(version, ownUsers)(config, credential)
					config.ClientID, config.Provider = app.Key, gloebit.ProviderAt(server.URL)
					config.Provider.APIVersion = version
					config.Clock = nil
					credential.AccessToken = gloebit.Secret(token)
				})
			documentSession(t, client)
			require.Equal(t, map[string]int64{"green-hat": 1}, server.Products(app.Key, "alice"))
			require.Equal(t, "905", server.Balance("alice"))
		})
	}
}

// documentSession makes each call of the document.
func documentSession(t *testing.T, c *gloebit.Client) {
	t.Helper()
	ctx := t.Context()
	identity, err := c.Identity(ctx)
	require.NoError(t, err)
	require.Equal(t, "alice", identity.Name)
	balance, err := c.Balance(ctx)
	require.NoError(t, err)
	require.Equal(t, "1000", balance.String())
	_, err = c.PurchaseItem(ctx, gloebit.ItemOrder{IdempotencyKey: uuid.NewString(), Item: "wrap", Price: 5, Quantity: 3})
	require.NoError(t, err)
	receipt, err := c.PurchaseProduct(ctx, gloebit.ProductOrder{
		IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 2,
	})
	require.NoError(t, err)
	require.False(t, receipt.Balance.Known(), "the document has none")
	id, err := c.CreateInventoryItem(ctx, gloebit.Item{Type: "hat"})
	require.NoError(t, err)
	require.NoError(t, c.ReplaceInventoryItem(ctx, id, gloebit.Item{Params: map[string]string{"color": "red"}}))
	item, err := c.InventoryItem(ctx, id)
	require.NoError(t, err)
	require.JSONEq(t, `{"color":"red"}`, item.String())
	for _, folder := range []string{"", gloebit.RootFolder} {
		items, err := c.InventoryItemIDs(ctx, folder)
		require.NoError(t, err)
		require.Len(t, items, 1)
	}
	require.NoError(t, c.DeleteInventoryItem(ctx, id))
	left, err := c.ConsumeProduct(ctx, "green-hat", 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, left)
	products, err := c.Products(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"green-hat": 1}, products)
}
