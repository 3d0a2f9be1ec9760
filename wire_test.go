package gloebit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// row is one call of the API: the request in each version, and how each form of
// the response is read.
type row struct {
	name    string
	call    func(context.Context, *gloebit.Client, *gloebit.Merchant) (any, error)
	both    string // METHOD path [body], as sent by default
	a, b    string // the same in one version; empty means as by default
	answers map[string]any
	rubbish []string // successes that lack what was asked for
}

func amount(s string) gloebit.Amount {
	a, err := gloebit.ParseAmount(s)
	if err != nil {
		panic(err)
	}
	return a
}

func count(n int64) *int64 { return &n }

const ok = `"success":true,"reason":"success"`

var noAnswer = map[string]any{`{` + ok + `}`: nil, `{"success":true}`: nil}

func rows() []row {
	type ctx = context.Context
	type c = *gloebit.Client
	type m = *gloebit.Merchant
	extra := map[string]any{"class": "mage", "level": json.Number("12345678901234567890")}
	params := struct {
		Color string `json:"color"`
		Gold  uint64 `json:"gold"`
	}{"red", 18446744073709551615}
	return []row{
		{
			name: "no-op", call: func(x ctx, c c, _ m) (any, error) { return nil, c.VerifyToken(x) },
			both: "GET /no-op", answers: noAnswer,
		},
		{
			name: "id or user", call: func(x ctx, c c, _ m) (any, error) { return c.Identity(x) },
			both: "GET /user", a: "GET /id", b: "GET /user",
			answers: map[string]any{
				`{` + ok + `,"id":"u-1","name":"Al","params":{"n":1.50}}`: gloebit.Identity{
					ID: "u-1", Name: "Al", Params: gloebit.Object(`{"n":1.50}`),
				},
				`{` + ok + `,"id":"u-1","name":"Al","params":{}}`: gloebit.Identity{
					ID: "u-1", Name: "Al", Params: gloebit.Object(`{}`),
				},
				`{` + ok + `,"id":"u-1","name":"Al","full-name":"Al Ice"}`: gloebit.Identity{ID: "u-1", Name: "Al"},
				`{` + ok + `,"id":"u-1","full-name":"Al Ice"}`:             gloebit.Identity{ID: "u-1", Name: "Al Ice"},
				`{"success":true,"id":"u-1","name":"Al"}`:                  gloebit.Identity{ID: "u-1", Name: "Al"},
			},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"id":7}`, `{` + ok + `,"id":"x","params":[]}`},
		},
		{
			name: "balance", call: func(x ctx, c c, _ m) (any, error) { return c.Balance(x) },
			both: "GET /balance",
			answers: map[string]any{
				`{` + ok + `,"balance":1000}`:                 amount("1000"),
				`{` + ok + `,"balance":0.5}`:                  amount("0.5"),
				`{` + ok + `,"balance":-3}`:                   amount("-3"),
				`{` + ok + `,"balance":9007199254740993.125}`: amount("9007199254740993.125"),
			},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"balance":null}`, `{` + ok + `,"balance":"1"}`},
		},
		{
			name: "transact of a product", call: func(x ctx, c c, _ m) (any, error) {
				return c.PurchaseProduct(x, gloebit.ProductOrder{ID: "t-1", Product: "green-hat", Quantity: 2, Username: "Al"})
			},
			both: `POST /transact {"application-key":"key","consumer-key":"key","id":"t-1","merchant-user-id":"Al","product":"green-hat","product-quantity":2,"request-created":1767323045,"transaction-id":"t-1","username-on-application":"Al","version":1}`,
			a:    `POST /transact {"consumer-key":"key","id":"t-1","merchant-user-id":"Al","product":"green-hat","product-quantity":2,"request-created":1767323045,"version":1}`,
			b:    `POST /transact {"application-key":"key","product":"green-hat","product-quantity":2,"request-created":1767323045,"transaction-id":"t-1","username-on-application":"Al","version":1}`,
			answers: map[string]any{
				`{"success":true,"id":"t-1","status":"queued","reason":"success","balance":920,"product-count":2}`: gloebit.Receipt{
					TransactionID: "t-1", Outcome: gloebit.OutcomeQueued, Status: "queued", Reason: "success",
					Balance: amount("920"), ProductCount: count(2),
				},
				`{"success":true,"id":"t-1","status":"queued","reason":"success"}`: gloebit.Receipt{
					TransactionID: "t-1", Outcome: gloebit.OutcomeQueued, Status: "queued", Reason: "success",
				},
				`{"success":true,"id":"t-1","status":"queued","reason":"resubmitted"}`: gloebit.Receipt{
					TransactionID: "t-1", Outcome: gloebit.OutcomeResubmitted, Status: "queued", Reason: "resubmitted",
				},
				`{"success":true,"id":"t-1","status":"in-progress","reason":"resubmitted"}`: gloebit.Receipt{
					TransactionID: "t-1", Outcome: gloebit.OutcomeResubmitted, Status: "in-progress", Reason: "resubmitted",
				},
				`{"success":false,"status":"failed","reason":"transaction already created"}`: gloebit.Receipt{
					TransactionID: "t-1", Outcome: gloebit.OutcomeResubmitted, Status: "failed",
					Reason: "transaction already created",
				},
			},
			rubbish: []string{`{` + ok + `,"id":"another"}`},
		},
		{
			name: "transact of an asset", call: func(x ctx, c c, _ m) (any, error) {
				return c.PurchaseItem(x, gloebit.ItemOrder{
					ID: "t-2", Item: "wrap", Price: 4, Quantity: 2, Username: "Al",
					Hold: gloebit.HoldURLs{
						Enact: "https://s.example/e", Consume: "https://s.example/c", Cancel: "https://s.example/x",
					},
				})
			},
			both: `POST /transact {"application-key":"key","asset-cancel-hold-url":"https://s.example/x","asset-code":"wrap","asset-consume-hold-url":"https://s.example/c","asset-enact-hold-url":"https://s.example/e","asset-quantity":2,"consumer-key":"key","gloebit-balance-change":8,"id":"t-2","merchant-user-id":"Al","request-created":1767323045,"transaction-id":"t-2","username-on-application":"Al","version":1}`,
			a:    `POST /transact {"asset-cancel-hold-url":"https://s.example/x","asset-code":"wrap","asset-consume-hold-url":"https://s.example/c","asset-enact-hold-url":"https://s.example/e","asset-quantity":2,"consumer-key":"key","gloebit-balance-change":8,"id":"t-2","merchant-user-id":"Al","request-created":1767323045,"version":1}`,
			b:    `POST /transact {"application-key":"key","asset-cancel-hold-url":"https://s.example/x","asset-code":"wrap","asset-consume-hold-url":"https://s.example/c","asset-enact-hold-url":"https://s.example/e","asset-quantity":2,"gloebit-balance-change":8,"request-created":1767323045,"transaction-id":"t-2","username-on-application":"Al","version":1}`,
			answers: map[string]any{
				`{"success":true,"id":"t-2","status":"queued","reason":"success"}`: gloebit.Receipt{
					TransactionID: "t-2", Outcome: gloebit.OutcomeQueued, Status: "queued", Reason: "success",
				},
			},
		},
		{
			name: "v2/transact under a subscription", call: func(x ctx, c c, _ m) (any, error) {
				return c.TransactV2(x, gloebit.Transaction{ID: "t-3", Asset: "rent", AssetQuantity: 1, Total: 9,
					SubscriptionID: "s-1", Details: &gloebit.Details{
						Platform:    []gloebit.Descriptor{{Name: "grid", Value: "home"}},
						Location:    []gloebit.Descriptor{{Name: "region", Value: "east"}},
						Transaction: []gloebit.Descriptor{{Name: "object", Value: "hut"}, {Name: "type", Value: "rent"}},
					}})
			},
			both: `POST /v2/transact {"app-user-id":"g-1","application-key":"key","asset-code":"rent","asset-quantity":1,"automated-transaction":true,"buyer-id-on-application":"u","consumer-key":"key","gloebit-balance-change":9,"id":"t-3","location-desc-names":["region"],"location-desc-values":["east"],"merchant-user-id":"u","platform-desc-names":["grid"],"platform-desc-values":["home"],"request-created":1767323045,"subscription-id":"s-1","transaction-desc-names":["object","type"],"transaction-desc-values":["hut","rent"],"transaction-id":"t-3","username-on-application":"u","version":1}`,
			a:    `POST /v2/transact {"app-user-id":"g-1","asset-code":"rent","asset-quantity":1,"automated-transaction":true,"buyer-id-on-application":"u","consumer-key":"key","gloebit-balance-change":9,"id":"t-3","location-desc-names":["region"],"location-desc-values":["east"],"merchant-user-id":"u","platform-desc-names":["grid"],"platform-desc-values":["home"],"request-created":1767323045,"subscription-id":"s-1","transaction-desc-names":["object","type"],"transaction-desc-values":["hut","rent"],"version":1}`,
			b:    `POST /v2/transact {"app-user-id":"g-1","application-key":"key","asset-code":"rent","asset-quantity":1,"automated-transaction":true,"buyer-id-on-application":"u","gloebit-balance-change":9,"location-desc-names":["region"],"location-desc-values":["east"],"platform-desc-names":["grid"],"platform-desc-values":["home"],"request-created":1767323045,"subscription-id":"s-1","transaction-desc-names":["object","type"],"transaction-desc-values":["hut","rent"],"transaction-id":"t-3","username-on-application":"u","version":1}`,
			answers: map[string]any{
				`{"success":true,"id":"t-3","status":"queued","reason":"success"}`: gloebit.Receipt{
					TransactionID: "t-3", Outcome: gloebit.OutcomeQueued, Status: "queued", Reason: "success",
				},
			},
		},
		{
			name: "transact-u2u", call: func(x ctx, c c, _ m) (any, error) {
				return c.TransactU2U(
					x, gloebit.Transaction{ID: "t-4", Product: "hat", ProductQuantity: 1, CharacterID: "c-1"},
					gloebit.Seller{GloebitID: "g-2", Email: "b@x.example", ID: "bob", Name: "Bob"},
				)
			},
			both: `POST /transact-u2u {"app-user-id":"g-1","application-key":"key","buyer-id-on-application":"u","character-id":"c-1","consumer-key":"key","id":"t-4","merchant-user-id":"u","product":"hat","product-quantity":1,"request-created":1767323045,"seller-email-address":"b@x.example","seller-id-from-gloebit":"g-2","seller-id-on-application":"bob","seller-name-on-application":"Bob","transaction-id":"t-4","username-on-application":"u","version":1}`,
			a:    `POST /transact-u2u {"app-user-id":"g-1","buyer-id-on-application":"u","character-id":"c-1","consumer-key":"key","id":"t-4","merchant-user-id":"u","product":"hat","product-quantity":1,"request-created":1767323045,"seller-email-address":"b@x.example","seller-id-from-gloebit":"g-2","seller-id-on-application":"bob","seller-name-on-application":"Bob","version":1}`,
			b:    `POST /transact-u2u {"app-user-id":"g-1","application-key":"key","buyer-id-on-application":"u","character-id":"c-1","product":"hat","product-quantity":1,"request-created":1767323045,"seller-email-address":"b@x.example","seller-id-from-gloebit":"g-2","seller-id-on-application":"bob","seller-name-on-application":"Bob","transaction-id":"t-4","username-on-application":"u","version":1}`,
			answers: map[string]any{
				`{"success":true,"id":"t-4","status":"queued","reason":"success"}`: gloebit.Receipt{
					TransactionID: "t-4", Outcome: gloebit.OutcomeQueued, Status: "queued", Reason: "success",
				},
			},
		},
		{
			name: "get-user-products", call: func(x ctx, c c, _ m) (any, error) { return c.Products(x) },
			both: "GET /get-user-products/", b: "GET /get-user-products",
			answers: map[string]any{
				`{` + ok + `,"products":{"hat":2}}`: map[string]int64{"hat": 2}, `{` + ok + `,"products":{}}`: map[string]int64{},
			},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"products":[]}`, `{` + ok + `,"products":{"hat":0.5}}`},
		},
		{
			name: "consume-user-product",
			call: func(x ctx, c c, _ m) (any, error) { return c.ConsumeProduct(x, "green hat/2", 3) },
			both: "POST /consume-user-product/green%20hat%2F2/3/", b: "POST /consume-user-product/green%20hat%2F2/3",
			answers: map[string]any{
				`{` + ok + `,"count":4}`: int64(4), `{` + ok + `,"product-count":4}`: int64(4),
				`{` + ok + `,"count":0}`: int64(0),
			},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"count":"4"}`, `{` + ok + `,"count":-1}`},
		},
		{
			name: "grant-user-product", call: func(x ctx, c c, _ m) (any, error) { return c.GrantProduct(x, "hat", 1) },
			both: "POST /grant-user-product/hat/1", answers: map[string]any{`{` + ok + `,"product-count":4}`: int64(4)},
			rubbish: []string{`{` + ok + `}`},
		},
		{
			name: "set-user-product-count", call: func(x ctx, c c, _ m) (any, error) { return c.SetProductCount(x, "hat", 0) },
			both: "POST /set-user-product-count/hat/0", answers: map[string]any{`{` + ok + `,"product-count":0}`: int64(0)},
			rubbish: []string{`{` + ok + `}`},
		},
		{
			name: "get-character-products", call: func(x ctx, c c, _ m) (any, error) { return c.CharacterProducts(x, "c/1") },
			both:    "GET /get-character-products/c%2F1",
			answers: map[string]any{`{` + ok + `,"products":{"hat":2}}`: map[string]int64{"hat": 2}},
			rubbish: []string{`{` + ok + `}`},
		},
		{
			name:    "consume-character-product",
			call:    func(x ctx, c c, _ m) (any, error) { return c.ConsumeCharacterProduct(x, "c-1", "hat", 1) },
			both:    "POST /consume-character-product/c-1/hat/1",
			answers: map[string]any{`{` + ok + `,"product-count":4}`: int64(4)}, rubbish: []string{`{` + ok + `}`},
		},
		{
			name: "grant-character-product",
			call: func(x ctx, c c, _ m) (any, error) { return c.GrantCharacterProduct(x, "c-1", "hat", 1) },
			both: "POST /grant-character-product/c-1/hat/1", answers: map[string]any{`{` + ok + `,"product-count":4}`: int64(4)},
			rubbish: []string{`{` + ok + `}`},
		},
		{
			name:    "set-character-product-count",
			call:    func(x ctx, c c, _ m) (any, error) { return c.SetCharacterProductCount(x, "c-1", "hat", 7) },
			both:    "POST /set-character-product-count/c-1/hat/7",
			answers: map[string]any{`{` + ok + `,"product-count":7}`: int64(7)}, rubbish: []string{`{` + ok + `}`},
		},
		{
			name: "get-characters", call: func(x ctx, c c, _ m) (any, error) { return c.Characters(x) },
			both: "GET /get-characters",
			answers: map[string]any{
				`{` + ok + `,"characters":[{"id":"c-1","name":"Zoe","level":12345678901234567890},{"id":"c-2","name":"Al"}]}`: []gloebit.Character{
					{ID: "c-1", Name: "Zoe", Extra: gloebit.Object(`{"level":12345678901234567890}`)},
					{ID: "c-2", Name: "Al", Extra: gloebit.Object(`{}`)},
				},
				`{` + ok + `,"characters":{"Zoe":"c-1","Al":"c-2"}}`: []gloebit.Character{
					{ID: "c-2", Name: "Al"}, {ID: "c-1", Name: "Zoe"},
				},
				`{` + ok + `,"characters":[{"id":"c-1","name":"Zoe","ID":7,"Name":{"x":1}}]}`: []gloebit.Character{
					{ID: "c-1", Name: "Zoe", Extra: gloebit.Object(`{"ID":7,"Name":{"x":1}}`)},
				},
				`{` + ok + `,"characters":[]}`: []gloebit.Character{},
				`{` + ok + `,"characters":{}}`: []gloebit.Character{},
			},
			rubbish: []string{
				`{` + ok + `}`, `{` + ok + `,"characters":"x"}`, `{` + ok + `,"characters":[{}]}`,
				`{` + ok + `,"characters":[null]}`, `{` + ok + `,"characters":{"Al":7}}`, `{` + ok + `,"characters":{"Al":""}}`,
			},
		},
		{
			name: "create-character", call: func(x ctx, c c, _ m) (any, error) { return c.CreateCharacter(x, "Zoe", extra) },
			both: `POST /create-character {"class":"mage","level":12345678901234567890,"name":"Zoe"}`,
			answers: map[string]any{
				`{` + ok + `,"character":{"id":"c-1","name":"Zoe","class":"mage"}}`: gloebit.Character{
					ID: "c-1", Name: "Zoe", Extra: gloebit.Object(`{"class":"mage"}`),
				},
				`{` + ok + `,"character":"c-1"}`: gloebit.Character{ID: "c-1", Name: "Zoe"},
			},
			rubbish: []string{
				`{` + ok + `}`, `{` + ok + `,"character":{}}`, `{` + ok + `,"character":""}`, `{` + ok + `,"character":7}`,
			},
		},
		{
			name: "update-character", call: func(x ctx, c c, _ m) (any, error) {
				return c.UpdateCharacter(x, "c-1", "Zoe", nil)
			},
			both: `POST /update-character {"id":"c-1","name":"Zoe"}`,
			answers: map[string]any{
				`{` + ok + `,"character":{"id":"c-1","name":"Zoe"}}`: gloebit.Character{
					ID: "c-1", Name: "Zoe", Extra: gloebit.Object(`{}`),
				},
				`{` + ok + `,"character":"c-1"}`: gloebit.Character{ID: "c-1", Name: "Zoe"},
			},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"character":{"id":"c-2","name":"Zoe"}}`},
		},
		{
			name: "delete-character", call: func(x ctx, c c, _ m) (any, error) { return nil, c.DeleteCharacter(x, "c-1") },
			both: `POST /delete-character {"id":"c-1"}`, answers: noAnswer,
		},
		{
			name: "new-inventory-item", call: func(x ctx, c c, _ m) (any, error) {
				return c.CreateInventoryItem(x, gloebit.Item{Type: "sword", Params: params})
			},
			both:    `POST /new-inventory-item {"folder-id":"00000000-0000-0000-0000-000000000000","params":{"color":"red","gold":18446744073709551615},"type-id":"sword"}`,
			answers: map[string]any{`{` + ok + `,"item-id":"i-1"}`: "i-1"},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"item-id":1}`},
		},
		{
			name: "get-inventory-item-ids", call: func(x ctx, c c, _ m) (any, error) { return c.InventoryItemIDs(x, "") },
			both: "GET /get-inventory-item-ids",
			answers: map[string]any{
				`{` + ok + `,"item-ids":[["sword","i-1","f-1"],["","i-2","f-1"]]}`: []gloebit.ItemID{
					{Type: "sword", ID: "i-1", Folder: "f-1"}, {ID: "i-2", Folder: "f-1"},
				},
				`{` + ok + `,"item-ids":[]}`: []gloebit.ItemID{},
			},
			rubbish: []string{
				`{` + ok + `}`, `{` + ok + `,"item-ids":[["a","b"]]}`, `{` + ok + `,"item-ids":[["a","","c"]]}`,
				`{` + ok + `,"item-ids":[["a","b","c","d"]]}`, `{` + ok + `,"item-ids":[null]}`,
			},
		},
		{
			name:    "get-inventory-item-ids of a folder",
			call:    func(x ctx, c c, _ m) (any, error) { return c.InventoryItemIDs(x, gloebit.RootFolder) },
			both:    "GET /get-inventory-item-ids/00000000-0000-0000-0000-000000000000",
			answers: map[string]any{`{` + ok + `,"item-ids":[]}`: []gloebit.ItemID{}},
		},
		{
			name: "get-inventory-item", call: func(x ctx, c c, _ m) (any, error) { return c.InventoryItem(x, "i 1") },
			both: "GET /get-inventory-item/i%201",
			answers: map[string]any{
				`{` + ok + `,"item":{"gold":18446744073709551615}}`: gloebit.Object(`{"gold":18446744073709551615}`),
				`{` + ok + `,"item":{}}`:                            gloebit.Object(`{}`),
			},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"item":null}`, `{` + ok + `,"item":"x"}`},
		},
		{
			name: "update-inventory-item-params", call: func(x ctx, c c, _ m) (any, error) {
				return nil, c.ReplaceInventoryItem(x, "i-1", gloebit.Item{
					Type: "sword", Folder: "f-1", Params: gloebit.Object(`{"a":1.10}`),
				})
			},
			both:    `POST /update-inventory-item-params {"folder-id":"f-1","id":"i-1","params":{"a":1.10},"type-id":"sword"}`,
			answers: noAnswer,
		},
		{
			name: "update-inventory-item", call: func(x ctx, c c, _ m) (any, error) {
				return nil, c.MergeInventoryItem(x, "i-1", "f-1", map[string]any{"a": 1})
			},
			both: `PUT /update-inventory-item {"folder_id":"f-1","item_id":"i-1","params":{"a":1}}`, answers: noAnswer,
		},
		{
			name: "delete-inventory-item",
			call: func(x ctx, c c, _ m) (any, error) { return nil, c.DeleteInventoryItem(x, "i-1") },
			both: "POST /delete-inventory-item/i-1", answers: noAnswer,
		},
		{
			name: "create-subscription", call: func(x ctx, _ c, m m) (any, error) {
				return m.CreateSubscription(x, gloebit.Subscription{LocalID: "l-1", Name: "Rent", Description: "weekly"})
			},
			both: `POST /create-subscription {"application-key":"key","client_id":"key","client_secret":"secret","description":"weekly","local-id":"l-1","name":"Rent"}`,
			answers: map[string]any{
				`{"success":true,"reason":"","status":"created","id":"s-1","enabled":true}`: gloebit.CreatedSubscription{
					ID: "s-1", Status: "created", Enabled: true,
				},
				`{"success":true,"status":"duplicate","id":"s-1","enabled":false}`: gloebit.CreatedSubscription{
					ID: "s-1", Status: "duplicate",
				},
				`{"success":true,"status":"success","id":"s-1","enabled":true,"extra":[[1]]}`: gloebit.CreatedSubscription{
					ID: "s-1", Status: "success", Enabled: true,
				},
			},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"id":"s-1"}`, `{` + ok + `,"id":"s-1","enabled":"yes"}`},
		},
		{
			name: "create-subscription-authorization",
			call: func(x ctx, c c, _ m) (any, error) { return c.CreateSubscriptionAuthorization(x, "s-1") },
			both: `POST /create-subscription-authorization {"app-user-id":"g-1","application-key":"key","request-created":1767323045,"subscription-id":"s-1","user-id-on-application":"u","username-on-application":"u"}`,
			answers: map[string]any{
				`{"success":true,"status":"created","id":"a-1","pending":true,"enabled":false}`: gloebit.SubscriptionAuthorization{
					ID: "a-1", Status: "created", Pending: true,
				},
				`{"success":true,"status":"duplicate-and-already-approved-by-user","id":"a-1","pending":false,"enabled":true}`: gloebit.SubscriptionAuthorization{
					ID: "a-1", Status: "duplicate-and-already-approved-by-user", Enabled: true,
				},
			},
			rubbish: []string{
				`{` + ok + `}`, `{` + ok + `,"id":"a-1","pending":true}`, `{` + ok + `,"id":"a-1","enabled":true}`,
			},
		},
	}
}

func TestEveryCallOnTheWire(t *testing.T) {
	for _, row := range rows() {
		for version, sent := range map[gloebit.APIVersion]string{
			gloebit.BothVersions: row.both, gloebit.VersionA: row.a, gloebit.VersionB: row.b,
		} {
			if sent == "" {
				sent = row.both
			}
			for answer, want := range row.answers {
				t.Run(fmt.Sprintf("%s, version %d, %s", row.name, version, answer), func(t *testing.T) {
					var got string
					var header http.Header
					client, merchant, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
						body, _ := io.ReadAll(r.Body)
						got, header = strings.TrimSpace(r.Method+" "+r.RequestURI+" "+string(body)), r.Header
						_, _ = io.WriteString(w, answer)
					}, func(c *gloebit.Config, credential *connect.Credential) {
						c.Clock, c.Provider.APIVersion, credential.Subject = testkit.NewClock().Now, version, "g-1"
					})
					result, err := row.call(t.Context(), client, merchant)
					require.NoError(t, err)
					require.Equal(t, want, result)
					require.Equal(t, sent, got)

					require.Equal(t, "application/json", header.Get("Accept"))
					authorization, contentType := "Bearer "+canaryToken.Reveal(), ""
					if row.name == "create-subscription" {
						authorization = ""
					}
					if strings.Contains(sent, "{") {
						contentType = "application/json"
					}
					require.Equal(t, authorization, header.Get("Authorization"))
					require.Equal(t, contentType, header.Get("Content-Type"))
					if strings.HasPrefix(sent, "POST") || strings.HasPrefix(sent, "PUT") {
						require.NotEmpty(t, header.Get("Content-Length"))
					}
				})
			}
		}
	}
}

func TestEveryFailureOfEveryCall(t *testing.T) {
	failures := map[string]error{
		"missing domain":       gloebit.ErrScopeMissing,
		"unknown consumer":     gloebit.ErrUnknownApplication,
		"unknown user":         gloebit.ErrUnknownUser,
		"unknown token":        gloebit.ErrTokenRefused,
		"unknown token1":       gloebit.ErrTokenRefused,
		"unknown token2":       gloebit.ErrTokenRefused,
		"unknown OAuth2 token": gloebit.ErrTokenRefused,
		"invalid access token": gloebit.ErrTokenRefused,
		"token has expired":    gloebit.ErrTokenExpired,
		"anything else":        gloebit.ErrRefused,
	}
	for _, row := range rows() {
		for reason, want := range failures {
			client, merchant, _ := clientOf(t, answering(200, `{"success":false,"reason":"`+reason+`","id":7,"balance":"none"}`))
			_, err := row.call(t.Context(), client, merchant)
			require.ErrorIs(t, err, want, "%s: %s", row.name, reason)
			require.Equal(t, reason, reasonOf(t, err))
		}
		for _, rubbish := range append(row.rubbish, ``, `[]`, `{}`, `<html>`, `{"success":true`) {
			client, merchant, _ := clientOf(t, answering(200, rubbish))
			_, err := row.call(t.Context(), client, merchant)
			require.ErrorIs(t, err, gloebit.ErrInvalidResponse, "%s: %s", row.name, rubbish)
		}
	}
}

func reasonOf(t *testing.T, err error) string {
	t.Helper()
	var failure *gloebit.APIError
	require.ErrorAs(t, err, &failure)
	return failure.Reason
}

func TestTheFailuresOfTransactions(t *testing.T) {
	for answer, want := range map[string]struct {
		outcome gloebit.Outcome
		err     error
	}{
		`"status":"queued","reason":"insufficient balance"`: {
			gloebit.OutcomeInsufficientBalance, gloebit.ErrInsufficientBalance,
		},
		`"status":"queued","reason":"pending"`: {
			gloebit.OutcomeTransactionPending, gloebit.ErrTransactionPending,
		},
		`"status":"queuing-failed","reason":"the queue is full"`: {
			gloebit.OutcomeQueuingFailed, gloebit.ErrQueuingFailed,
		},
		`"status":"cannot-spend","reason":"locked"`: {gloebit.OutcomeCannotSpend, gloebit.ErrCannotSpend},
		`"status":"cannot-receive","reason":"locked"`: {
			gloebit.OutcomeCannotReceive, gloebit.ErrCannotReceive,
		},
		`"status":"unknown-merchant"`: {
			gloebit.OutcomeUnknownMerchant, gloebit.ErrUnknownMerchant,
		},
		`"status":"unknown-subscription"`: {
			gloebit.OutcomeUnknownSubscription, gloebit.ErrUnknownSubscription,
		},
		`"status":"unknown-subscription-authorization"`: {
			gloebit.OutcomeUnknownSubscriptionAuthorization, gloebit.ErrUnknownSubscriptionAuthorization,
		},
		`"status":"subscription-authorization-pending","reason":"x"`: {
			gloebit.OutcomeSubscriptionAuthorizationPending, gloebit.ErrSubscriptionAuthorizationPending,
		},
		`"status":"subscription-authorization-declined","reason":"x"`: {
			gloebit.OutcomeSubscriptionAuthorizationDeclined, gloebit.ErrSubscriptionAuthorizationDeclined,
		},
		`"reason":"unknown OAuth2 token"`: {gloebit.OutcomeUnknown, gloebit.ErrTokenRefused},
	} {
		for name, call := range map[string]func(*gloebit.Client) (gloebit.Receipt, error){
			"transact": func(c *gloebit.Client) (gloebit.Receipt, error) {
				return c.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
			},
			"v2/transact": func(c *gloebit.Client) (gloebit.Receipt, error) {
				return c.TransactV2(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
			},
			"transact-u2u": func(c *gloebit.Client) (gloebit.Receipt, error) {
				return c.TransactU2U(
					t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1},
					gloebit.Seller{Email: "b@x.example"},
				)
			},
		} {
			client, _, _ := clientOf(t, answering(200, `{"success":false,`+answer+`}`))
			receipt, err := call(client)
			require.ErrorIs(t, err, want.err, "%s: %s", name, answer)
			require.Equal(t, want.outcome, receipt.Outcome)
			require.NotEmpty(t, receipt.TransactionID)
			require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)
		}
	}
}

func TestTheFailuresOfSubscriptions(t *testing.T) {
	for answer, want := range map[string]error{
		`"status":"subscription-not-found"`:                    gloebit.ErrUnknownSubscription,
		`"status":"mismatched-application-key"`:                gloebit.ErrSubscriptionMismatch,
		`"status":"mis-matched-subscription-ids"`:              gloebit.ErrSubscriptionMismatch,
		`"status":"subscription-disabled"`:                     gloebit.ErrSubscriptionDisabled,
		`"status":"cannot-transact"`:                           gloebit.ErrCannotTransact,
		`"status":"duplicate-and-previously-declined-by-user"`: gloebit.ErrSubscriptionAuthorizationDeclined,
		`"status":"retry","reason":"Please try again."`:        gloebit.ErrQueuingFailed,
		`"status":"failed","reason":"Unknown DB Error"`:        gloebit.ErrRefused,
	} {
		client, _, _ := clientOf(t, answering(200, `{"success":false,`+answer+`}`))
		_, err := client.CreateSubscriptionAuthorization(t.Context(), "s-1")
		require.ErrorIs(t, err, want, answer)
	}
	_, merchant, _ := clientOf(
		t,
		answering(
			200,
			`{"success":false,"status":"failed","reason":"different subscription exists with this app-subscription-id","existing-subscription-id":"s-9","existing-subscription-name":"Old","existing-subscription-description":"d","existing-subscription-ctime":1}`,
		),
	)
	created, err := merchant.CreateSubscription(t.Context(), gloebit.Subscription{LocalID: "l", Name: "n"})
	require.ErrorIs(t, err, gloebit.ErrSubscriptionExists)
	require.Equal(t, &gloebit.ExistingSubscription{ID: "s-9", Name: "Old", Description: "d"}, created.Existing)
	require.Equal(
		t, "a%2F1/", strings.SplitAfter(merchant.SubscriptionAuthorizationURL("a/1"), "authorize-subscription/")[1],
	)
	require.NotContains(t, fmt.Sprintf("%+v", err), "secret\"")
}

func TestInvalidCallsAreNotSent(t *testing.T) {
	client, merchant, _ := clientOf(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was sent", r.URL) })
	ctx := t.Context()
	long := strings.Repeat("f", 37)
	for name, call := range map[string]func() error{
		"a product without a name": func() error { _, err := client.GrantProduct(ctx, "", 1); return err },
		"a product of dots":        func() error { _, err := client.SetProductCount(ctx, "..", 1); return err },
		"granting none":            func() error { _, err := client.GrantProduct(ctx, "hat", 0); return err },
		"a count below zero":       func() error { _, err := client.SetProductCount(ctx, "hat", -1); return err },
		"no character":             func() error { _, err := client.CharacterProducts(ctx, ""); return err },
		"a character of dots": func() error {
			_, err := client.GrantCharacterProduct(ctx, "..", "hat", 1)
			return err
		},
		"a character without a name": func() error { _, err := client.CreateCharacter(ctx, "", nil); return err },
		"an id among the extra keys": func() error {
			_, err := client.CreateCharacter(ctx, "Zoe", map[string]any{"id": 1})
			return err
		},
		"extra that is no object": func() error { _, err := client.CreateCharacter(ctx, "Zoe", []int{1}); return err },
		"extra that can't marshal": func() error {
			_, err := client.CreateCharacter(ctx, "Zoe", map[string]any{"f": func() {}})
			return err
		},
		"updating without an id": func() error { _, err := client.UpdateCharacter(ctx, "", "Zoe", nil); return err },
		"deleting without an id": func() error { return client.DeleteCharacter(ctx, "") },
		"a folder that is too long": func() error {
			_, err := client.CreateInventoryItem(ctx, gloebit.Item{Folder: long})
			return err
		},
		"params that are no object": func() error {
			_, err := client.CreateInventoryItem(ctx, gloebit.Item{Params: 7})
			return err
		},
		"an item without an id": func() error { _, err := client.InventoryItem(ctx, ""); return err },
		"an item of dots":       func() error { return client.DeleteInventoryItem(ctx, "..") },
		"a folder of dots":      func() error { _, err := client.InventoryItemIDs(ctx, ".."); return err },
		"replacing nothing":     func() error { return client.ReplaceInventoryItem(ctx, "", gloebit.Item{}) },
		"merging into nothing":  func() error { return client.MergeInventoryItem(ctx, "", "", nil) },
		"a seller with only a name": func() error {
			_, err := client.TransactU2U(
				ctx, gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1}, gloebit.Seller{Name: "Bob"},
			)
			return err
		},
		"a character without a product": func() error {
			_, err := client.Transact(ctx, gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1, CharacterID: "c"})
			return err
		},
		"a subscription without a name": func() error {
			_, err := merchant.CreateSubscription(ctx, gloebit.Subscription{LocalID: "l"})
			return err
		},
		"authorizing no subscription": func() error {
			_, err := client.CreateSubscriptionAuthorization(ctx, "")
			return err
		},
		"a subscription without local id": func() error {
			_, err := merchant.CreateSubscription(ctx, gloebit.Subscription{Name: "n"})
			return err
		},
	} {
		require.ErrorIs(t, call(), gloebit.ErrInvalidRequest, name)
	}
}

func TestObjectsKeepNumbersExactly(t *testing.T) {
	var object gloebit.Object
	require.NoError(t, json.Unmarshal([]byte(` {"n":12345678901234567890.10} `), &object))
	var decoded map[string]any
	require.NoError(t, object.Decode(&decoded))
	require.Equal(t, json.Number("12345678901234567890.10"), decoded["n"])
	var typed struct{ N json.Number }
	require.NoError(t, object.Decode(&typed))
	require.Equal(t, json.Number("12345678901234567890.10"), typed.N)
	encoded, err := json.Marshal(struct{ O gloebit.Object }{object})
	require.NoError(t, err)
	require.Equal(t, `{"O":{"n":12345678901234567890.10}}`, string(encoded))
	require.Equal(t, "{}", gloebit.Object(nil).String())
	require.NoError(t, gloebit.Object(nil).Decode(&decoded))
	character := gloebit.Character{ID: "c", Name: "Zoe", Extra: object}
	encoded, err = json.Marshal(character)
	require.NoError(t, err)
	require.Equal(t, `{"id":"c","n":12345678901234567890.10,"name":"Zoe"}`, string(encoded))
	var again gloebit.Character
	require.NoError(t, json.Unmarshal(encoded, &again))
	require.Equal(t, character, again)
}

// FuzzReplies gives every call an arbitrary response. It must not panic, and a
// success must not contain a zero that was not sent.
func FuzzReplies(f *testing.F) {
	for _, row := range rows() {
		for answer := range row.answers {
			f.Add([]byte(answer))
		}
		for _, rubbish := range row.rubbish {
			f.Add([]byte(rubbish))
		}
	}
	var answer []byte
	server := &cannedTransport{answer: &answer}
	config := validConfig()
	config.HTTPClient = &http.Client{Transport: server}
	config.Tokens = &gloebit.MemoryTokenStore{}
	merchant, err := gloebit.New(config)
	require.NoError(f, err)
	merchant.RetryWithin(time.Nanosecond)
	f.Fuzz(func(t *testing.T, data []byte) {
		answer = data
		for _, row := range rows() {
			require.NoError(
				t, config.Tokens.Update(t.Context(), keyOf(merchant, "u"), save(connect.Credential{AccessToken: "t"})),
			)
			client, err := merchant.Client(t.Context(), "u")
			require.NoError(t, err)
			result, err := row.call(t.Context(), client, merchant)
			if err != nil || result == nil {
				continue
			}
			var known struct {
				Success bool
				Reason  string
			}
			if json.Unmarshal(data, &known) != nil || !known.Success && !strings.EqualFold(
				strings.TrimSpace(known.Reason), "transaction already created",
			) {
				t.Fatalf("%s read a success from %q", row.name, data)
			}
			if isSilentZero(result, data) {
				t.Fatalf("%s read %#v from %q", row.name, result, data)
			}
		}
	})
}

// isSilentZero reports whether a result is a zero that the response does not
// contain.
func isSilentZero(result any, data []byte) bool {
	switch r := result.(type) {
	case gloebit.Identity:
		return r.ID == ""
	case gloebit.Character:
		return r.ID == ""
	case gloebit.CreatedSubscription:
		return r.ID == ""
	case gloebit.SubscriptionAuthorization:
		return r.ID == ""
	case gloebit.Receipt:
		return r.TransactionID == "" || r.Outcome == gloebit.OutcomeUnknown
	case string:
		return r == ""
	case gloebit.Object:
		return r == nil
	case map[string]int64:
		return r == nil
	case int64:
		return !bytes.Contains(bytes.ToLower(data), []byte("count")) && !bytes.ContainsRune(data, '\\')
	case gloebit.Amount:
		return !bytes.Contains(bytes.ToLower(data), []byte("balance")) && !bytes.ContainsRune(data, '\\')
	}
	return false
}

// cannedTransport answers every request with the same body.
type cannedTransport struct{ answer *[]byte }

func (c *cannedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	_, _ = recorder.Write(*c.answer)
	return recorder.Result(), nil
}

func FuzzAmount(f *testing.F) {
	for _, seed := range []string{"0", "-1.5", "1e3", "99999999999999999999.123", "null", `"1"`, "1e99"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		amount, err := gloebit.ParseAmount(text)
		if err != nil {
			return
		}
		if amount.String() != text || amount.Cmp(amount) != 0 {
			t.Fatalf("%q became %q", text, amount)
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is no JSON number", text)
		}
		amount.Int64()
	})
}

func FuzzClientSecretsFile(f *testing.F) {
	f.Add([]byte(
		`{"web":{"client_id":"k","client_secret":"canary","redirect_uris":["https://a.example/cb"],"auth_uri":"https://x.example/oauth2/authorize","token_uri":"https://x.example/oauth2/access-token"}}`,
	))
	f.Fuzz(func(t *testing.T, content []byte) {
		name := t.TempDir() + "/f"
		require.NoError(t, os.WriteFile(name, content, 0o600))
		config, err := gloebit.ConfigFromFile(name)
		if err == nil && (config.ClientID == "" || config.ClientSecret == "" || config.RedirectURL == "") {
			t.Fatalf("an empty %+v from %q", config, content)
		}
	})
}
