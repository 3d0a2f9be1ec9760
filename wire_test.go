package gloebit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
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
				`{` + ok + `,"balance":"960.5"}`:              amount("960.5"),
				`{"success":true,"reason":7,"balance":1}`:     amount("1"),
				"\ufeff" + `{` + ok + `,"balance":1}`:         amount("1"),
			},
			rubbish: []string{
				`{` + ok + `}`, `{` + ok + `,"balance":null}`, `{` + ok + `,"balance":"much"}`, `{` + ok + `,"balance":[1]}`,
			},
		},
		{
			name: "transact of a product", call: func(x ctx, c c, _ m) (any, error) {
				return c.PurchaseProduct(x, gloebit.ProductOrder{ID: "t-1", Product: "green-hat", Quantity: 2, Username: "Al"})
			},
			both: `POST /transact {"application-key":"key","consumer-key":"key","id":"t-1",` +
				`"merchant-user-id":"Al","product":"green-hat","product-quantity":2,` +
				`"request-created":1767323045,"transaction-id":"t-1","username-on-application":"Al","version":1}`,
			a: `POST /transact {"consumer-key":"key","id":"t-1","merchant-user-id":"Al",` +
				`"product":"green-hat","product-quantity":2,"request-created":1767323045,"version":1}`,
			b: `POST /transact {"application-key":"key","product":"green-hat","product-quantity":2,` +
				`"request-created":1767323045,"transaction-id":"t-1","username-on-application":"Al","version":1}`,
			answers: map[string]any{
				`{"success":true,"id":"t-1","status":"queued","reason":"success","balance":920,"product-count":2}`: gloebit.Receipt{
					TransactionID: "t-1", Outcome: gloebit.OutcomeQueued, Status: "queued", Reason: "success",
					Balance: amount("920"), ProductCount: count(2),
				},
				`{"success":true,"id":"t-1","status":"queued","reason":"success"}`: gloebit.Receipt{
					TransactionID: "t-1", Outcome: gloebit.OutcomeQueued, Status: "queued", Reason: "success",
				},
				"\ufeff" + `{"success":true,"id":"t-1","status":0,"reason":["success"]}`: gloebit.Receipt{
					TransactionID: "t-1", Outcome: gloebit.OutcomeQueued,
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
			both: `POST /transact {"application-key":"key","asset-cancel-hold-url":"https://s.example/x",` +
				`"asset-code":"wrap","asset-consume-hold-url":"https://s.example/c",` +
				`"asset-enact-hold-url":"https://s.example/e","asset-quantity":2,"consumer-key":"key",` +
				`"gloebit-balance-change":8,"id":"t-2","merchant-user-id":"Al","request-created":1767323045,` +
				`"transaction-id":"t-2","username-on-application":"Al","version":1}`,
			a: `POST /transact {"asset-cancel-hold-url":"https://s.example/x","asset-code":"wrap",` +
				`"asset-consume-hold-url":"https://s.example/c","asset-enact-hold-url":"https://s.example/e",` +
				`"asset-quantity":2,"consumer-key":"key","gloebit-balance-change":8,"id":"t-2",` +
				`"merchant-user-id":"Al","request-created":1767323045,"version":1}`,
			b: `POST /transact {"application-key":"key","asset-cancel-hold-url":"https://s.example/x",` +
				`"asset-code":"wrap","asset-consume-hold-url":"https://s.example/c",` +
				`"asset-enact-hold-url":"https://s.example/e","asset-quantity":2,"gloebit-balance-change":8,` +
				`"request-created":1767323045,"transaction-id":"t-2","username-on-application":"Al","version":1}`,
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
			both: `POST /v2/transact {"app-user-id":"g-1","application-key":"key","asset-code":"rent",` +
				`"asset-quantity":1,"automated-transaction":true,"buyer-id-on-application":"u","consumer-key":"key",` +
				`"gloebit-balance-change":9,"id":"t-3","location-desc-names":["region"],"location-desc-values":["east"],` +
				`"merchant-user-id":"u","platform-desc-names":["grid"],"platform-desc-values":["home"],` +
				`"request-created":1767323045,"subscription-id":"s-1","transaction-desc-names":["object","type"],` +
				`"transaction-desc-values":["hut","rent"],"transaction-id":"t-3","username-on-application":"u","version":1}`,
			a: `POST /v2/transact {"app-user-id":"g-1","asset-code":"rent","asset-quantity":1,` +
				`"automated-transaction":true,"buyer-id-on-application":"u","consumer-key":"key",` +
				`"gloebit-balance-change":9,"id":"t-3","location-desc-names":["region"],` +
				`"location-desc-values":["east"],"merchant-user-id":"u","platform-desc-names":["grid"],` +
				`"platform-desc-values":["home"],"request-created":1767323045,"subscription-id":"s-1",` +
				`"transaction-desc-names":["object","type"],"transaction-desc-values":["hut","rent"],"version":1}`,
			b: `POST /v2/transact {"app-user-id":"g-1","application-key":"key","asset-code":"rent",` +
				`"asset-quantity":1,"automated-transaction":true,"buyer-id-on-application":"u","gloebit-balance-change":9,` +
				`"location-desc-names":["region"],"location-desc-values":["east"],"platform-desc-names":["grid"],` +
				`"platform-desc-values":["home"],"request-created":1767323045,"subscription-id":"s-1",` +
				`"transaction-desc-names":["object","type"],"transaction-desc-values":["hut","rent"],` +
				`"transaction-id":"t-3","username-on-application":"u","version":1}`,
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
			both: `POST /transact-u2u {"app-user-id":"g-1","application-key":"key","buyer-id-on-application":"u",` +
				`"character-id":"c-1","consumer-key":"key","id":"t-4","merchant-user-id":"u","product":"hat",` +
				`"product-quantity":1,"request-created":1767323045,"seller-email-address":"b@x.example",` +
				`"seller-id-from-gloebit":"g-2","seller-id-on-application":"bob","seller-name-on-application":"Bob",` +
				`"transaction-id":"t-4","username-on-application":"u","version":1}`,
			a: `POST /transact-u2u {"app-user-id":"g-1","buyer-id-on-application":"u","character-id":"c-1",` +
				`"consumer-key":"key","id":"t-4","merchant-user-id":"u","product":"hat","product-quantity":1,` +
				`"request-created":1767323045,"seller-email-address":"b@x.example","seller-id-from-gloebit":"g-2",` +
				`"seller-id-on-application":"bob","seller-name-on-application":"Bob","version":1}`,
			b: `POST /transact-u2u {"app-user-id":"g-1","application-key":"key","buyer-id-on-application":"u",` +
				`"character-id":"c-1","product":"hat","product-quantity":1,"request-created":1767323045,` +
				`"seller-email-address":"b@x.example","seller-id-from-gloebit":"g-2","seller-id-on-application":"bob",` +
				`"seller-name-on-application":"Bob","transaction-id":"t-4","username-on-application":"u","version":1}`,
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
				`{` + ok + `,"products":{"hat":2.0,"cap":"3"}}`: map[string]int64{"hat": 2, "cap": 3},
			},
			rubbish: []string{
				`{` + ok + `}`, `{` + ok + `,"products":[]}`, `{` + ok + `,"products":{"hat":0.5}}`,
				`{` + ok + `,"products":{"hat":null}}`, `{` + ok + `,"products":{"hat":""}}`, `{` + ok + `,"products":{"hat":-1}}`,
			},
		},
		{
			name: "consume-user-product",
			call: func(x ctx, c c, _ m) (any, error) { return c.ConsumeProduct(x, "green hat/2", 3) },
			both: "POST /consume-user-product/green%20hat%2F2/3/", b: "POST /consume-user-product/green%20hat%2F2/3",
			answers: map[string]any{
				`{` + ok + `,"count":4}`: int64(4), `{` + ok + `,"product-count":4}`: int64(4),
				`{` + ok + `,"count":0}`: int64(0), `{` + ok + `,"count":"4"}`: int64(4),
				`{` + ok + `,"product-count":4.0}`:                 int64(4),
				`{"success":true,"reason":{},"product-count":4e0}`: int64(4),
			},
			rubbish: []string{
				`{` + ok + `}`, `{` + ok + `,"count":"four"}`, `{` + ok + `,"count":-1}`, `{` + ok + `,"count":0.5}`,
			},
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
				`{` + ok + `,"characters":[{"id":"c-1","name":"Zoe","level":12345678901234567890},` +
					`{"id":"c-2","name":"Al"}]}`: []gloebit.Character{
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
				`{` + ok + `,"id":"c-1"}`:        gloebit.Character{ID: "c-1", Name: "Zoe"},
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
				`{` + ok + `,"id":"c-1"}`:        gloebit.Character{ID: "c-1", Name: "Zoe"},
			},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"character":{"id":"c-2","name":"Zoe"}}`, `{` + ok + `,"id":"c-2"}`},
		},
		{
			name: "delete-character", call: func(x ctx, c c, _ m) (any, error) { return nil, c.DeleteCharacter(x, "c-1") },
			both: `POST /delete-character {"id":"c-1"}`, answers: noAnswer,
		},
		{
			name: "new-inventory-item", call: func(x ctx, c c, _ m) (any, error) {
				return c.CreateInventoryItem(x, gloebit.Item{Type: "sword", Params: params})
			},
			both: `POST /new-inventory-item {"folder-id":"00000000-0000-0000-0000-000000000000",` +
				`"params":{"color":"red","gold":18446744073709551615},"type-id":"sword"}`,
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
			both: `POST /create-subscription {"application-key":"key","client_id":"key",` +
				`"client_secret":"secret","description":"weekly","local-id":"l-1","name":"Rent"}`,
			answers: map[string]any{
				`{"success":true,"reason":"","status":"created","id":"s-1","enabled":true}`: gloebit.CreatedSubscription{
					ID: "s-1", Status: "created", Enabled: true,
				},
				`{"success":true,"status":"duplicate","id":"s-1","enabled":false}`: gloebit.CreatedSubscription{
					ID: "s-1", Status: "duplicate",
				},
				`{"success":true,"status":7,"id":"s-1","enabled":true}`: gloebit.CreatedSubscription{ID: "s-1", Enabled: true},
				`{"success":true,"status":"success","id":"s-1","enabled":true,"extra":[[1]]}`: gloebit.CreatedSubscription{
					ID: "s-1", Status: "success", Enabled: true,
				},
			},
			rubbish: []string{`{` + ok + `}`, `{` + ok + `,"id":"s-1"}`, `{` + ok + `,"id":"s-1","enabled":"yes"}`},
		},
		{
			name: "create-subscription-authorization",
			call: func(x ctx, c c, _ m) (any, error) { return c.CreateSubscriptionAuthorization(x, "s-1") },
			both: `POST /create-subscription-authorization {"app-user-id":"g-1",` +
				`"application-key":"key","request-created":1767323045,"subscription-id":"s-1",` +
				`"user-id-on-application":"u","username-on-application":"u"}`,
			answers: map[string]any{
				`{"success":true,"status":"created","id":"a-1","pending":true,"enabled":false}`: gloebit.SubscriptionAuthorization{
					ID: "a-1", Status: "created", Pending: true,
				},
				`{"success":true,"status":[],"id":"a-1","pending":true,"enabled":false}`: gloebit.SubscriptionAuthorization{
					ID: "a-1", Pending: true,
				},
				`{"success":true,"status":"duplicate-and-already-approved-by-user","id":"a-1",` +
					`"pending":false,"enabled":true}`: gloebit.SubscriptionAuthorization{
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
