package gloebit_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/golden"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// goldenFunc calls a method. The id is that of the transaction that the answer is
// about.
type goldenFunc = func(ctx context.Context, c *gloebit.Client, m *gloebit.Merchant, id string) (any, error)

// goldenMethods are the methods that call a path of a golden file, by the path's
// name.
func goldenMethods() map[string]goldenFunc {
	type ctx = context.Context
	type c = *gloebit.Client
	type m = *gloebit.Merchant
	item := gloebit.Item{Type: "hat", Params: map[string]any{"color": "green"}}
	pebble := func(id string) gloebit.Transaction {
		t := gloebit.Transaction{ID: id, Asset: "a pebble", AssetQuantity: 2, Total: 6, Username: "alice"}
		if id == "" {
			t.IdempotencyKey = uuid.NewString()
		}
		return t
	}
	seller := gloebit.Seller{GloebitID: "5c0f1f8a-6a53-4b0c-8a47-3c3d3c4a2a55"}
	return map[string]goldenFunc{
		"no-op":       func(x ctx, c c, _ m, _ string) (any, error) { return nil, c.VerifyToken(x) },
		"id":          func(x ctx, c c, _ m, _ string) (any, error) { return c.Identity(x) },
		"user":        func(x ctx, c c, _ m, _ string) (any, error) { return c.Identity(x) },
		"balance":     func(x ctx, c c, _ m, _ string) (any, error) { return c.Balance(x) },
		"transact":    func(x ctx, c c, _ m, id string) (any, error) { return c.Transact(x, pebble(id)) },
		"v2/transact": func(x ctx, c c, _ m, id string) (any, error) { return c.TransactV2(x, pebble(id)) },
		"transact-u2u": func(x ctx, c c, _ m, id string) (any, error) {
			return c.TransactU2U(x, pebble(id), seller)
		},
		"get-user-products": func(x ctx, c c, _ m, _ string) (any, error) { return c.Products(x) },
		"consume-user-product": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.ConsumeProduct(x, "green-hat", 1)
		},
		"grant-user-product": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.GrantProduct(x, "green-hat", 1)
		},
		"set-user-product-count": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.SetProductCount(x, "green-hat", 2)
		},
		"get-character-products": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.CharacterProducts(x, goldenCharacter)
		},
		"consume-character-product": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.ConsumeCharacterProduct(x, goldenCharacter, "green-hat", 1)
		},
		"grant-character-product": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.GrantCharacterProduct(x, goldenCharacter, "green-hat", 1)
		},
		"set-character-product-count": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.SetCharacterProductCount(x, goldenCharacter, "green-hat", 2)
		},
		"get-characters": func(x ctx, c c, _ m, _ string) (any, error) { return c.Characters(x) },
		"create-character": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.CreateCharacter(x, "Elf", map[string]string{"hair": "red"})
		},
		"update-character": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.UpdateCharacter(x, goldenCharacter, "Elf", map[string]string{"hair": "red"})
		},
		"delete-character": func(x ctx, c c, _ m, _ string) (any, error) {
			return nil, c.DeleteCharacter(x, goldenCharacter)
		},
		"new-inventory-item": func(x ctx, c c, _ m, _ string) (any, error) { return c.CreateInventoryItem(x, item) },
		"get-inventory-item-ids": func(x ctx, c c, _ m, folder string) (any, error) {
			return c.InventoryItemIDs(x, folder)
		},
		"get-inventory-item": func(x ctx, c c, _ m, _ string) (any, error) { return c.InventoryItem(x, "an-item") },
		"update-inventory-item-params": func(x ctx, c c, _ m, _ string) (any, error) {
			return nil, c.ReplaceInventoryItem(x, "an-item", item)
		},
		"update-inventory-item": func(x ctx, c c, _ m, _ string) (any, error) {
			return nil, c.MergeInventoryItem(x, "an-item", "", map[string]string{"color": "red"})
		},
		"delete-inventory-item": func(x ctx, c c, _ m, _ string) (any, error) {
			return nil, c.DeleteInventoryItem(x, "an-item")
		},
		"create-subscription": func(x ctx, _ c, m m, _ string) (any, error) {
			return m.CreateSubscription(x, gloebit.Subscription{LocalID: "local", Name: "Hat of the month"})
		},
		"create-subscription-authorization": func(x ctx, c c, _ m, _ string) (any, error) {
			return c.CreateSubscriptionAuthorization(x, "5c0f1f8a-6a53-4b0c-8a47-3c3d3c4a2a66")
		},
	}
}

const goldenCharacter = "5c0f1f8a-6a53-4b0c-8a47-3c3d3c4a2a44"

// goldenMethod returns the name of the path's method in goldenMethods, or
// nothing for a page.
func goldenMethod(call golden.Call) string {
	path := strings.ReplaceAll(strings.ToLower(strings.Trim(call.Path, "/")), "_", "-")
	for _, transact := range []string{"v2/transact", "2/transact"} {
		if path == transact {
			return "v2/transact"
		}
	}
	name, _, _ := strings.Cut(path, "/")
	if name == "purchase" || name == "authorize-subscription" {
		return ""
	}
	return name
}

// goldenFiles calls fn for each call in the golden files that a method of the
// client makes.
func goldenFiles(t *testing.T, fn func(t *testing.T, name string, file golden.File, call golden.Call)) {
	names, err := golden.Names()
	require.NoError(t, err)
	for _, name := range names {
		file, err := golden.Load(name)
		require.NoError(t, err)
		for _, call := range file.Calls {
			if goldenMethod(call) == "" {
				continue
			}
			require.Contains(t, goldenMethods(), goldenMethod(call))
			t.Run(name+"/"+call.Name, func(t *testing.T) { fn(t, name, file, call) })
		}
	}
}

// answered calls the method of a path at a server that gives that response.
func answered(t *testing.T, call golden.Call, answer []byte) (any, error) {
	t.Helper()
	client, merchant, _ := clientOf(t, answering(http.StatusOK, string(answer)))
	var fields struct {
		ID string `json:"id"`
	}
	require.NoError(t, json.Unmarshal(answer, &fields))
	return goldenMethods()[goldenMethod(call)](t.Context(), client, merchant, fields.ID)
}

func TestGoldenAnswers(t *testing.T) {
	const (
		document = "ec8d8f47-2648-4378-8734-bba45852a60f"
		site     = "d1a7a4f0-4f52-4a8e-9f6e-2a2f6a1d0f0" // and a digit
		grid     = "5c0f1f8a-6a53-4b0c-8a47-3c3d3c4a2a33"
		item     = "0b7e1d3a-9f43-4dd9-8d83-0a4f1f2f7b77"
	)
	queued := gloebit.Receipt{Outcome: gloebit.OutcomeQueued, Status: "queued", Reason: "success"}
	receipt := func(id, status, reason, balance string, owned int64) gloebit.Receipt {
		r := queued
		r.TransactionID, r.Status, r.Reason = id, status, reason
		if reason == "resubmitted" {
			r.Outcome = gloebit.OutcomeResubmitted
		}
		if balance != "" {
			r.Balance = amount(balance)
		}
		if owned > 0 {
			r.ProductCount = count(owned)
		}
		return r
	}
	hair := gloebit.Object(`{"hair": "green"}`)
	hats := map[string]int64{"green-hat": 3}
	items := []gloebit.ItemID{{Type: "hat", ID: item, Folder: gloebit.RootFolder}}
	elf := gloebit.Character{ID: goldenCharacter, Name: "Elf", Extra: gloebit.Object(`{"hair":"red"}`)}
	ogre := gloebit.Character{ID: goldenCharacter, Name: "Ogre", Extra: gloebit.Object(`{"hair":"red"}`)}
	identity := "5c0f1f8a-6a53-4b0c-8a47-3c3d3c4a2a11"
	wants := map[string]any{
		"document/identity/success":               gloebit.Identity{ID: identity, Name: "Ogre", Params: hair},
		"document/balance/success":                amount("1000.5"),
		"document/transact/queued":                receipt(document, "queued", "success", "", 0),
		"document/transact/in progress":           receipt(document, "in-progress", "success", "", 0),
		"document/new item/success":               item,
		"document/list items/success":             items,
		"document/list items of a folder/success": []gloebit.ItemID{},
		"document/get item/success":               gloebit.Object(`{"color": "green"}`),
		"document/update item/success":            nil,
		"document/delete item/success":            nil,
		"document/products/success":               hats,
		"document/consume/success":                int64(2),

		"site/no-op/success":                             nil,
		"site/user/success":                              gloebit.Identity{ID: identity, Name: "Alice"},
		"site/balance/success":                           amount("1000.5"),
		"site/transact an asset/queued":                  receipt(site+"1", "queued", "success", "994.5", 0),
		"site/transact an asset/resubmitted":             receipt(site+"1", "queued", "resubmitted", "994.5", 0),
		"site/transact an asset/resubmitted in progress": receipt(site+"1", "in-progress", "resubmitted", "994.5", 0),
		"site/transact a product/queued":                 receipt(site+"2", "queued", "success", "920.5", 2),
		"site/user's products/success":                   hats,
		"site/consume/success":                           int64(2),
		"site/grant/success":                             int64(2),
		"site/set count/success":                         int64(2),
		"site/character's products/success":              hats,
		"site/consume from a character/success":          int64(2),
		"site/grant to a character/success":              int64(2),
		"site/set a character's count/success":           int64(2),
		"site/characters/success":                        []gloebit.Character{ogre},
		"site/characters/older form":                     []gloebit.Character{{ID: goldenCharacter, Name: "Ogre"}},
		"site/create character/success":                  elf,
		"site/create character/older form":               gloebit.Character{ID: goldenCharacter, Name: "Elf"},
		"site/update character/success":                  elf,
		"site/delete character/success":                  nil,
		"site/new item/success":                          item,
		"site/list items/success":                        items,
		"site/get item/success":                          gloebit.Object(`{"color": "green"}`),
		"site/update item/success":                       nil,
		"site/delete item/success":                       nil,

		"opensim/Transact/queued":      receipt("", "queued", "success", "", 0),
		"opensim/Transact/resubmitted": receipt("", "queued", "resubmitted", "", 0),
		"opensim/CreateSubscriptionAuthorization/created": gloebit.SubscriptionAuthorization{
			ID: grid, Status: "created", Pending: true,
		},
		"opensim/CreateSubscriptionAuthorization/duplicate": gloebit.SubscriptionAuthorization{
			ID: grid, Status: "duplicate", Pending: true,
		},
		"opensim/CreateSubscriptionAuthorization/approved before": gloebit.SubscriptionAuthorization{
			ID: grid, Status: "duplicate-and-already-approved-by-user", Enabled: true,
		},
		"opensim/CreateSubscriptionAuthorization/declined before": gloebit.SubscriptionAuthorization{
			ID: grid, Status: "duplicate-and-previously-declined-by-user",
		},
	}
	goldenFiles(t, func(t *testing.T, name string, _ golden.File, call golden.Call) {
		for _, answer := range call.Answers {
			if !succeeds(t, answer) {
				continue
			}
			key := name + "/" + call.Name + "/" + answer.Name
			require.Contains(t, wants, key)
			got, err := answered(t, call, answer.JSON)
			if answer.Name == "declined before" {
				require.ErrorIs(t, err, gloebit.ErrSubscriptionAuthorizationDeclined, "the user may be asked again")
			} else {
				require.NoError(t, err, key)
			}
			if r, ok := got.(gloebit.Receipt); ok && name == "opensim" {
				r.TransactionID = "" // made here
				got = r
			}
			require.EqualValues(t, wants[key], got, key)
			delete(wants, key)
		}
	})
	require.Empty(t, wants, "each was compared")
}

func succeeds(t *testing.T, answer golden.Answer) bool {
	t.Helper()
	var fields struct {
		Success bool `json:"success"`
	}
	require.NoError(t, json.Unmarshal(answer.JSON, &fields))
	return fields.Success
}

// goldenFailures are the errors of unsuccessful responses, by status and
// reason.
func goldenFailures() map[[2]string]error {
	return map[[2]string]error{
		{"", "missing domain"}:                      gloebit.ErrScopeMissing,
		{"", "unknown consumer"}:                    gloebit.ErrUnknownApplication,
		{"", "unknown user"}:                        gloebit.ErrUnknownUser,
		{"", "unknown token"}:                       gloebit.ErrTokenRefused,
		{"", "unknown token1"}:                      gloebit.ErrTokenRefused,
		{"", "unknown token2"}:                      gloebit.ErrTokenRefused,
		{"", "unknown OAuth2 token"}:                gloebit.ErrTokenRefused,
		{"", "invalid access token"}:                gloebit.ErrTokenRefused,
		{"", "token has expired"}:                   gloebit.ErrTokenExpired,
		{"queued", "insufficient balance"}:          gloebit.ErrInsufficientBalance,
		{"queued", "pending"}:                       gloebit.ErrTransactionPending,
		{"queuing-failed", ""}:                      gloebit.ErrQueuingFailed,
		{"queuing-failed", "the queue is full"}:     gloebit.ErrQueuingFailed,
		{"failed", ""}:                              gloebit.ErrRefused,
		{"failed", "transaction already created"}:   nil, // the first one stands
		{"failed", "Unknown DB Error"}:              gloebit.ErrRefused,
		{"cannot-spend", ""}:                        gloebit.ErrCannotSpend,
		{"cannot-receive", ""}:                      gloebit.ErrCannotReceive,
		{"unknown-merchant", ""}:                    gloebit.ErrUnknownMerchant,
		{"unknown-subscription", ""}:                gloebit.ErrUnknownSubscription,
		{"unknown-subscription-authorization", ""}:  gloebit.ErrUnknownSubscriptionAuthorization,
		{"subscription-authorization-pending", ""}:  gloebit.ErrSubscriptionAuthorizationPending,
		{"subscription-authorization-declined", ""}: gloebit.ErrSubscriptionAuthorizationDeclined,
		{"subscription-not-found", ""}:              gloebit.ErrUnknownSubscription,
		{"mismatched-application-key", ""}:          gloebit.ErrSubscriptionMismatch,
		{"mis-matched-subscription-ids", ""}:        gloebit.ErrSubscriptionMismatch,
		{"subscription-disabled", ""}:               gloebit.ErrSubscriptionDisabled,
		{"cannot-transact", ""}:                     gloebit.ErrCannotTransact,
		{"retry", "Unexpected DB insert integrity error.  Please try again."}:          gloebit.ErrQueuingFailed,
		{"failed", "different subscription exists with this app-subscription-id"}:      gloebit.ErrSubscriptionExists,
		{"", "Transaction with automated-transaction=True is missing subscription-id"}: gloebit.ErrRefused,
		{"", "transaction is missing parameters needed to identify Gloebit account of seller - " +
			"supply at least one of seller-email-address or seller-id-from-gloebit."}: gloebit.ErrRefused,
	}
}

func TestGoldenFailures(t *testing.T) {
	failures, met := goldenFailures(), map[[2]string]bool{}
	goldenFiles(t, func(t *testing.T, _ string, file golden.File, call golden.Call) {
		answers := append([]golden.Answer{}, call.Answers...)
		if call.Login != "" {
			answers = append(answers, file.Failures...)
			for _, word := range append(append([]string{}, file.Dead...), call.Dead...) {
				body, err := json.Marshal(map[string]any{"success": false, "reason": word})
				require.NoError(t, err)
				answers = append(answers, golden.Answer{Name: word, JSON: body})
			}
		}
		for _, answer := range answers {
			if succeeds(t, answer) {
				continue
			}
			var words struct{ Status, Reason string }
			require.NoError(t, json.Unmarshal(answer.JSON, &words))
			key := [2]string{words.Status, words.Reason}
			want, known := failures[key]
			require.True(t, known, "%s: no error is meant for %q", answer.Name, key)
			met[key] = true
			_, err := answered(t, call, answer.JSON)
			if want == nil {
				require.NoError(t, err, answer.Name)
				continue
			}
			require.ErrorIs(t, err, want, answer.Name)
			dead := want == gloebit.ErrTokenRefused || want == gloebit.ErrTokenExpired
			require.Equal(t, dead, isNotConnected(err), "%s: %v", answer.Name, err)
		}
	})
	require.Len(t, met, len(failures), "each error is met")
}
