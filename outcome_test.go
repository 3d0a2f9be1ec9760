package gloebit_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestUncertainTransactionIsNotRefused(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
	}{
		"created":                 {201, `{"success":true,"status":"queued"}`},
		"accepted":                {202, ``},
		"no content":              {204, ``},
		"a success in a conflict": {409, `{"success":true}`},
		"the server timed out":    {408, ``},
		"queued, for a reason":    {200, `{"success":false,"status":"queued","reason":"waiting for worker"}`},
		"in progress":             {200, `{"success":false,"status":"in-progress"}`},
		"a broken server":         {500, `{"success":false,"reason":"unknown token"}`},
		"a contradiction":         {200, `{"success":true,"status":"cannot-spend"}`},
		"a failure with success":  {200, `{"success":true,"status":"failed"}`},
		"created, under an error": {500, `{"success":false,"reason":"transaction already created"}`},
	} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := clientOf(t, answering(test.status, test.body))
			receipt, err := client.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
			require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
			require.Equal(t, gloebit.OutcomeUnknown, receipt.Outcome)
		})
	}
}

func TestTruncatedResponseHasUnknownOutcome(t *testing.T) {
	client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"success":true`)
	})
	_, err := client.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
	require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
	require.ErrorIs(t, err, gloebit.ErrInvalidResponse)
}

func TestRaceIsResolvedByRetry(t *testing.T) {
	for second, want := range map[string]error{
		`{"success":true,"status":"queued","reason":"resubmitted"}`:                  nil,
		`{"success":false,"status":"queued","reason":"insufficient balance"}`:        gloebit.ErrInsufficientBalance,
		`{"success":false,"status":"failed","reason":"transaction already created"}`: nil, // there is no better information
	} {
		var asked atomic.Int32
		client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 {
				_, _ = io.WriteString(w, `{"success":false,"status":"failed","reason":"transaction already created"}`)
				return
			}
			_, _ = io.WriteString(w, second)
		})
		receipt, err := client.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
		require.ErrorIs(t, err, want)
		require.Greater(t, asked.Load(), int32(1))
		if want == nil {
			require.Equal(t, gloebit.OutcomeResubmitted, receipt.Outcome)
		}
	}
}

func TestFinalOutcomes(t *testing.T) {
	for answer, final := range map[string]bool{
		`"status":"queued","reason":"insufficient balance"`: true,
		`"status":"cannot-spend"`:                           false,
		`"status":"cannot-receive"`:                         false,
		`"status":"unknown-merchant"`:                       false,
		`"status":"unknown-subscription"`:                   false,
		`"status":"queued","reason":"pending"`:              false,
		`"status":"queuing-failed"`:                         false,
		`"reason":"missing domain"`:                         false,
	} {
		var asked atomic.Int32
		client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 {
				panic(http.ErrAbortHandler) // an answer that is lost
			}
			_, _ = io.WriteString(w, `{"success":false,`+answer+`}`)
		})
		_, err := client.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
		if final {
			require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown, answer)
		} else {
			require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown, answer)
		}
	}
}

func TestMissingOrOverflowingPriceIsRefused(t *testing.T) {
	client, _, _ := clientOf(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, order := range []gloebit.ItemOrder{
		{IdempotencyKey: "k", Item: "castle", Quantity: 1},
		{IdempotencyKey: "k", Item: "castle", Price: 1 << 40, Quantity: 1 << 24},
		{IdempotencyKey: "k", Item: "castle", Price: 1 << 52, Quantity: 2},
		{IdempotencyKey: "k", Item: "castle", Price: 1, Quantity: 1 << 31},
	} {
		_, err := client.PurchaseItem(t.Context(), order)
		require.ErrorIs(t, err, gloebit.ErrInvalidRequest, "%+v", order)
	}
	_, err := client.PurchaseProduct(t.Context(), gloebit.ProductOrder{
		IdempotencyKey: uuid.NewString(), Product: "hat", Quantity: 1 << 31,
	})
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
}

func TestAnUppercaseIDIsTheSame(t *testing.T) {
	client, _, _ := clientOf(
		t,
		answering(200, `{"success":true,"id":"ec8d8f47-2648-4378-8734-bba45852a60f","status":"queued","reason":"success"}`),
	)
	_, err := client.Transact(t.Context(), gloebit.Transaction{ID: "EC8D8F47-2648-4378-8734-BBA45852A60F", Total: 1})
	require.NoError(t, err)
}

func TestLostConsumeHasUnknownOutcome(t *testing.T) {
	w := newWorld(t)
	token, err := w.gloebit.IssueToken(w.app.Key, "alice", "inventory")
	require.NoError(t, err)
	require.NoError(t, w.gloebit.GrantProduct(w.app.Key, "alice", "green-hat", 3))
	require.NoError(
		t,
		w.tokens.Update(
			t.Context(), keyOf(w.merchant, "u"),
			save(connect.Credential{AccessToken: gloebit.Secret(token), Scopes: []gloebit.Scope{gloebit.ScopeInventory}}),
		),
	)
	client, err := w.merchant.Client(t.Context(), "u")
	require.NoError(t, err)
	w.gloebit.Inject(gloebittest.Fault{Path: "consume-user-product", Times: 1, Drop: true, After: true})
	_, err = client.ConsumeProduct(t.Context(), "green-hat", 1)
	require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
	require.EqualValues(t, 2, w.gloebit.Products(w.app.Key, "alice")["green-hat"], "it was taken, once")
}

func TestThousandLostResponsesChargeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, err := w.gloebit.IssueToken(w.app.Key, "alice", "transact")
	require.NoError(t, err)
	require.NoError(
		t,
		w.tokens.Update(
			t.Context(), keyOf(w.merchant, "u"),
			save(connect.Credential{AccessToken: gloebit.Secret(token), Scopes: []gloebit.Scope{gloebit.ScopeTransact}}),
		),
	)
	client, err := w.merchant.Client(t.Context(), "u")
	require.NoError(t, err)
	const purchases = 1000
	w.gloebit.Inject(gloebittest.Fault{Path: "transact", Times: purchases, Drop: true, After: true})
	var group sync.WaitGroup
	work := make(chan struct{}, 16)
	for range purchases {
		group.Go(func() {
			work <- struct{}{}
			defer func() { <-work }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			order := gloebit.ItemOrder{IdempotencyKey: uuid.NewString(), Item: "sweet", Price: 1, Quantity: 1}
			for {
				_, err := client.PurchaseItem(ctx, order)
				if err == nil {
					return
				}
				if ctx.Err() != nil { // all four answers may be lost: ask once more
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, "0", w.gloebit.Balance("alice"), "1,000 purchases at 1 G$ each")
	require.Len(t, w.gloebit.Transactions(), purchases)
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestKeyIsBoundToOneOrder(t *testing.T) {
	w := newWorld(t)
	for _, user := range []string{"alice", "bob"} {
		token, err := w.gloebit.IssueToken(w.app.Key, user, "transact")
		require.NoError(t, err)
		require.NoError(
			t,
			w.tokens.Update(t.Context(), keyOf(w.merchant, user), save(connect.Credential{AccessToken: gloebit.Secret(token)})),
		)
	}
	alice, err := w.merchant.Client(t.Context(), "alice")
	require.NoError(t, err)
	bob, err := w.merchant.Client(t.Context(), "bob")
	require.NoError(t, err)
	ids := map[string]int{}
	for range 2 { // everything twice
		for _, order := range []gloebit.ItemOrder{
			{IdempotencyKey: "k", Item: "sticker", Price: 3, Quantity: 1},
			{IdempotencyKey: "k", Item: "castle", Price: 3, Quantity: 1},
			{IdempotencyKey: "k", Item: "sticker", Price: 4, Quantity: 1},
			{IdempotencyKey: "k", Item: "sticker", Price: 3, Quantity: 2},
			{IdempotencyKey: "k2", Item: "sticker", Price: 3, Quantity: 1},
		} {
			for _, client := range []*gloebit.Client{alice, bob} {
				receipt, err := client.PurchaseItem(t.Context(), order)
				require.NoError(t, err)
				ids[receipt.TransactionID]++
			}
		}
		for _, order := range []gloebit.ProductOrder{
			{IdempotencyKey: "k", Product: "green-hat", Quantity: 1}, {IdempotencyKey: "k", Product: "green-hat", Quantity: 2},
			{IdempotencyKey: "sticker", Product: "green-hat", Quantity: 1},
		} {
			receipt, err := alice.PurchaseProduct(t.Context(), order)
			require.NoError(t, err)
			ids[receipt.TransactionID]++
		}
	}
	require.Len(t, ids, 13)
	for id, times := range ids {
		require.Equal(t, 2, times, id)
		require.Len(t, id, 36)
	}
	require.Len(t, w.gloebit.Transactions(), 13)

	one, err := alice.PurchaseItem(t.Context(), gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "sticker", Price: 1, Quantity: 1,
	})
	require.NoError(t, err)
	two, err := alice.PurchaseItem(t.Context(), gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "sticker", Price: 1, Quantity: 1,
	})
	require.NoError(t, err)
	require.NotEqual(t, one.TransactionID, two.TransactionID, "a new key makes each a purchase of its own")
	_, err = alice.PurchaseItem(t.Context(), gloebit.ItemOrder{
		IdempotencyKey: "k", ID: "i", Item: "sticker", Price: 1, Quantity: 1,
	})
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	_, err = alice.PurchaseProduct(t.Context(), gloebit.ProductOrder{
		IdempotencyKey: string(make([]byte, 256)), Product: "green-hat", Quantity: 1,
	})
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
}

func TestLaterErrorKeepsOutcomeUnknown(t *testing.T) {
	for _, first := range []string{
		`{"success":false,"status":"queued","reason":"pending"}`,
		`{"success":false,"status":"failed","reason":"transaction already created"}`,
	} {
		for name, then := range map[string]http.HandlerFunc{
			"busy":    answering(429, ``),
			"revoked": answering(200, `{"success":false,"reason":"unknown OAuth2 token"}`),
			"gone":    answering(404, ``),
		} {
			var asked atomic.Int32
			client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) == 1 {
					_, _ = io.WriteString(w, first)
					return
				}
				then(w, r)
			})
			receipt, err := client.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
			require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown, "%s after %s", name, first)
			require.Equal(t, gloebit.OutcomeUnknown, receipt.Outcome)
		}
	}
}

func TestErrorStatusDoesNotHideRace(t *testing.T) {
	for _, status := range []int{400, 403, 409} {
		var asked atomic.Int32
		client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 1 {
				answering(status, `{"success":false,"status":"failed","reason":"transaction already created"}`)(w, r)
				return
			}
			_, _ = io.WriteString(w, `{"success":true,"reason":"resubmitted","status":"queued"}`)
		})
		receipt, err := client.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
		require.NoError(t, err)
		require.Equal(t, gloebit.OutcomeResubmitted, receipt.Outcome)
	}
}

func TestUnreadableChangeHasUnknownOutcome(t *testing.T) {
	for _, row := range rows() {
		changes := strings.HasPrefix(row.both, "P") && !strings.Contains(row.both, "transact")
		for _, rubbish := range row.rubbish {
			client, merchant, _ := clientOf(t, answering(200, rubbish))
			_, err := row.call(t.Context(), client, merchant)
			if changes {
				require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown, "%s: %s", row.name, rubbish)
			} else if !strings.Contains(row.both, "transact") {
				require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown, "%s: %s", row.name, rubbish)
			}
		}
		if changes {
			client, merchant, _ := clientOf(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			_, err := row.call(t.Context(), client, merchant)
			require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown, "%s, lost", row.name)
		}
	}
}

func TestOrderIsNotRetriedWithAnotherAccount(t *testing.T) {
	var charged atomic.Int32
	client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer bob" {
			charged.Add(1)
			_, _ = io.WriteString(w, `{"success":true,"status":"queued"}`)
			return
		}
		_, _ = io.WriteString(w, `{"success":false,"reason":"unknown token"}`)
	}, func(_ *gloebit.Config, c *connect.Credential) { c.Subject = "g-alice" })
	require.NoError(
		t, tokens.Update(t.Context(), keyOf(merchant, "u"), save(connect.Credential{AccessToken: "bob", Subject: "g-bob"})),
	)
	_, err := client.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	require.Zero(t, charged.Load())
}

func TestExpiredTokenKeepsPayingAccount(t *testing.T) {
	connected := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	alice := connect.Credential{AccessToken: "alice", RefreshToken: "r", Subject: "g-alice", ConnectedAt: connected}
	for _, c := range []struct {
		name   string
		alice  func(*connect.Credential)
		bob    connect.Credential
		paidBy string // empty when no user is to pay
	}{
		{
			"refreshed on another replica", nil,
			connect.Credential{AccessToken: "alice 2", Subject: "g-alice", ConnectedAt: connected}, "alice 2",
		},
		{
			"connected again with the same account", nil,
			connect.Credential{AccessToken: "alice 2", Subject: "g-alice", ConnectedAt: connected.Add(1)}, "alice 2",
		},
		{
			"connected with another account", nil,
			connect.Credential{AccessToken: "bob", Subject: "g-bob", ConnectedAt: connected.Add(1)}, "",
		},
		{
			"connected with an account that Gloebit does not tell", nil,
			connect.Credential{AccessToken: "bob", ConnectedAt: connected.Add(1)}, "",
		},
		{
			"no account ID was known before", func(c *connect.Credential) { c.Subject = "" },
			connect.Credential{AccessToken: "bob", Subject: "g-bob", ConnectedAt: connected.Add(1)}, "",
		},
	} {
		for _, known := range []bool{true, false} { // whether the token is known to have expired, or Gloebit says so
			var paid []string
			client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				if token == "alice" {
					w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				paid = append(paid, token)
				_, _ = io.WriteString(w, `{"success":true,"status":"queued"}`)
			}, func(_ *gloebit.Config, credential *connect.Credential) {
				*credential = alice
				if c.alice != nil {
					c.alice(credential)
				}
				if known {
					credential.TokenExpiry = time.Now().Add(-time.Minute)
				}
			})
			require.NoError(t, tokens.Update(t.Context(), keyOf(merchant, "u"), save(c.bob)))
			_, err := client.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
			if c.paidBy != "" {
				require.NoError(t, err, c.name)
				require.Equal(t, []string{c.paidBy}, paid, c.name)
				continue
			}
			require.ErrorIs(t, err, gloebit.ErrNotConnected, c.name)
			require.Empty(t, paid, c.name)
			if c.alice == nil && c.bob.Subject != "" {
				require.Equal(t, "g-alice", client.GloebitID(), "%s: a client stays with its account", c.name)
				_, err = client.Balance(t.Context())
				require.ErrorIs(t, err, gloebit.ErrNotConnected, c.name)
			}
			again, err := merchant.Client(t.Context(), "u")
			require.NoError(t, err, c.name)
			_, err = again.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
			require.NoError(t, err, c.name)
			require.Equal(t, []string{"bob"}, paid, c.name)
		}
	}
}
