package gloebit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const (
	canaryToken   = gloebit.Secret("canary-access-token")
	canaryRefresh = gloebit.Secret("canary-refresh-token")
)

// clientOf returns the client of a user with the token canaryToken, at a server
// that answers with handler.
func clientOf(
	t *testing.T, handler http.HandlerFunc, changes ...func(*gloebit.Config, *connect.Credential),
) (*gloebit.Client, *gloebit.Merchant, gloebit.TokenStore) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	config := validConfig()
	config.Provider = gloebit.ProviderAt(server.URL)
	config.Tokens = &gloebit.MemoryTokenStore{}
	credential := connect.Credential{AccessToken: canaryToken, Scopes: []gloebit.Scope{gloebit.ScopeUser}}
	for _, change := range changes {
		change(&config, &credential)
	}
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	merchant.RetryWithin(time.Millisecond)
	require.NoError(t, config.Tokens.Update(t.Context(), keyOf(merchant, "u"), save(credential)))
	client, err := merchant.Client(t.Context(), "u")
	require.NoError(t, err)
	return client, merchant, config.Tokens
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// calls are the methods that call the API, by the path they call.
var calls = map[string]func(context.Context, *gloebit.Client) error{
	"user":    func(ctx context.Context, c *gloebit.Client) error { _, err := c.Identity(ctx); return err },
	"balance": func(ctx context.Context, c *gloebit.Client) error { _, err := c.Balance(ctx); return err },
	"no-op":   func(ctx context.Context, c *gloebit.Client) error { return c.VerifyToken(ctx) },
	"get-user-products": func(ctx context.Context, c *gloebit.Client) error {
		_, err := c.Products(ctx)
		return err
	},
	"consume-user-product": func(ctx context.Context, c *gloebit.Client) error {
		_, err := c.ConsumeProduct(ctx, "hat", 1)
		return err
	},
	"transact": func(ctx context.Context, c *gloebit.Client) error {
		_, err := c.PurchaseItem(ctx, gloebit.ItemOrder{IdempotencyKey: uuid.NewString(), Item: "hat", Price: 1, Quantity: 1})
		return err
	},
}

func TestEveryFailureIsASentinel(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   []error
		final  bool // not ErrNotConnected
	}{
		"unknown token": {
			200, `{"success":false,"reason":"unknown token"}`, []error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected},
			false,
		},
		"unknown token1": {
			200, `{"success":false,"reason":"unknown token1"}`, []error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected},
			false,
		},
		"unknown token2": {
			200, `{"success":false,"reason":"unknown token2"}`, []error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected},
			false,
		},
		"unknown OAuth2 token": {
			200, `{"success":false,"reason":"unknown OAuth2 token"}`,
			[]error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected}, false,
		},
		"invalid access token": {
			200, `{"success":false,"reason":"invalid access token"}`,
			[]error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected}, false,
		},
		"expired": {
			200, `{"success":false,"reason":"token has expired"}`, []error{gloebit.ErrTokenExpired, gloebit.ErrNotConnected},
			false,
		},
		"missing domain": {
			200, `{"success":false,"reason":"missing domain"}`, []error{gloebit.ErrScopeMissing}, true,
		},
		"unknown consumer": {
			200, `{"success":false,"reason":"unknown consumer"}`, []error{gloebit.ErrUnknownApplication}, true,
		},
		"unknown user": {
			200, `{"success":false,"reason":"unknown user"}`, []error{gloebit.ErrUnknownUser}, true,
		},
		"insufficient balance": {
			200, `{"success":false,"status":"queued","reason":"insufficient balance"}`,
			[]error{gloebit.ErrInsufficientBalance}, true,
		},
		"pending": {
			200, `{"success":false,"status":"queued","reason":"pending"}`, []error{gloebit.ErrTransactionPending}, true,
		},
		"queuing failed": {
			200, `{"success":false,"status":"queuing-failed"}`, []error{gloebit.ErrQueuingFailed}, true,
		},
		"cannot spend": {
			200, `{"success":false,"status":"cannot-spend"}`, []error{gloebit.ErrCannotSpend}, true,
		},
		"cannot receive": {
			200, `{"success":false,"status":"cannot-receive"}`, []error{gloebit.ErrCannotReceive}, true,
		},
		"unknown merchant": {
			200, `{"success":false,"status":"unknown-merchant"}`, []error{gloebit.ErrUnknownMerchant}, true,
		},
		"unknown subscription": {
			200, `{"success":false,"status":"unknown-subscription"}`, []error{gloebit.ErrUnknownSubscription}, true,
		},
		"unknown authorization": {
			200, `{"success":false,"status":"unknown-subscription-authorization"}`,
			[]error{gloebit.ErrUnknownSubscriptionAuthorization}, true,
		},
		"authorization pending": {
			200, `{"success":false,"status":"subscription-authorization-pending"}`,
			[]error{gloebit.ErrSubscriptionAuthorizationPending}, true,
		},
		"authorization declined": {
			200, `{"success":false,"status":"subscription-authorization-declined"}`,
			[]error{gloebit.ErrSubscriptionAuthorizationDeclined}, true,
		},
		"an unknown reason": {
			200, `{"success":false,"reason":"the moon is full"}`, []error{gloebit.ErrRefused}, true,
		},
		"no reason":                 {200, `{"success":false}`, []error{gloebit.ErrRefused}, true},
		"a null reason":             {200, `{"success":false,"reason":null}`, []error{gloebit.ErrRefused}, true},
		"too many requests":         {429, ``, []error{gloebit.ErrRateLimited}, true},
		"a server error":            {500, `oops`, []error{gloebit.ErrUnavailable}, true},
		"a gateway error":           {502, `<html>`, []error{gloebit.ErrUnavailable}, true},
		"a denial":                  {403, ``, []error{gloebit.ErrRefused}, true},
		"a 401 without a challenge": {401, ``, []error{gloebit.ErrRefused}, true},
		"a 401 with a reason": {
			401, `{"success":false,"reason":"unknown token"}`, []error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected},
			false,
		},
		"a redirect":                {302, ``, []error{gloebit.ErrInvalidResponse}, true},
		"another good status":       {201, `{"success":true}`, []error{gloebit.ErrInvalidResponse}, true},
		"a success under a failure": {409, `{"success":true}`, []error{gloebit.ErrInvalidResponse}, true},
		"the server timed out":      {408, ``, []error{gloebit.ErrUnavailable}, true},
		"not JSON":                  {200, `<html>`, []error{gloebit.ErrInvalidResponse}, true},
		"empty":                     {200, ``, []error{gloebit.ErrInvalidResponse}, true},
		"JSON cut off":              {200, `{"success":true,"balance":1`, []error{gloebit.ErrInvalidResponse}, true},
		"JSON and more":             {200, `{"success":true}{"success":true}`, []error{gloebit.ErrInvalidResponse}, true},
		"an array":                  {200, `[true]`, []error{gloebit.ErrInvalidResponse}, true},
		"null":                      {200, `null`, []error{gloebit.ErrInvalidResponse}, true},
		"without success": {
			200, `{"balance":1,"id":"x","products":{},"count":1}`, []error{gloebit.ErrInvalidResponse}, true,
		},
		"a null success":           {200, `{"success":null,"balance":1}`, []error{gloebit.ErrInvalidResponse}, true},
		"success of another type":  {200, `{"success":"true","balance":1}`, []error{gloebit.ErrInvalidResponse}, true},
		"a reason of another type": {200, `{"success":false,"reason":7}`, []error{gloebit.ErrInvalidResponse}, true},
		"too long": {
			200, `{"success":true,"x":"` + strings.Repeat("x", 1<<20) + `"}`, []error{gloebit.ErrInvalidResponse}, true,
		},
	} {
		for path, call := range calls {
			t.Run(name+" to "+path, func(t *testing.T) {
				client, merchant, tokens := clientOf(t, answering(test.status, test.body))
				err := call(t.Context(), client)
				for _, want := range test.want {
					require.ErrorIs(t, err, want)
				}
				require.Equal(t, !test.final, isNotConnected(err))
				var failure *gloebit.APIError
				require.ErrorAs(t, err, &failure)
				require.Equal(t, path, failure.Call)
				require.Equal(t, test.status, failure.StatusCode)
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), string(canaryToken))

				_, err = tokens.Load(t.Context(), keyOf(merchant, "u"))
				require.Equal(t, !test.final, err != nil, "the credential is forgotten when the token was refused, and only then")
			})
		}
	}
}

func isNotConnected(err error) bool {
	return err != nil && gloebit.StatusCode(err) == http.StatusUnauthorized
}

func TestIncompleteResponsesAreErrors(t *testing.T) {
	for path, bodies := range map[string][]string{
		"user": {
			`{"success":true}`, `{"success":true,"id":7}`, `{"success":true,"id":""}`,
			`{"success":true,"id":"x","params":[1]}`,
		},
		"balance": {
			`{"success":true}`, `{"success":true,"balance":"12"}`, `{"success":true,"balance":null}`,
			`{"success":true,"balance":1e999}`,
		},
		"get-user-products": {
			`{"success":true}`, `{"success":true,"products":[]}`, `{"success":true,"products":{"hat":1.5}}`,
			`{"success":true,"products":null}`,
		},
		"consume-user-product": {`{"success":true}`, `{"success":true,"count":"1"}`, `{"success":true,"product-count":1.5}`},
		"transact":             {`{"success":true,"id":"another"}`, `{"success":true,"id":7}`},
	} {
		for _, body := range bodies {
			t.Run(path+" "+body, func(t *testing.T) {
				client, _, _ := clientOf(t, answering(200, body))
				err := calls[path](t.Context(), client)
				require.ErrorIs(t, err, gloebit.ErrInvalidResponse)
				if path == "transact" {
					require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown, "the user may have been charged")
				}
			})
		}
	}
}

func TestAnswersOfBothVersionsAreRead(t *testing.T) {
	ctx := t.Context()
	at := func(body string, scopes ...gloebit.Scope) *gloebit.Client {
		client, _, _ := clientOf(
			t, answering(200, body), func(_ *gloebit.Config, c *connect.Credential) { c.Scopes = scopes },
		)
		return client
	}
	identity, err := at(`{"success":true,"id":"1","name":"Al","params":{"level":12345678901234567890}}`).Identity(ctx)
	require.NoError(t, err)
	require.Equal(
		t, gloebit.Identity{ID: "1", Name: "Al", Params: gloebit.Object(`{"level":12345678901234567890}`)}, identity,
	)
	identity, err = at(`{"success":true,"reason":"success","id":"1","full-name":"Al Ice","params":null}`).Identity(ctx)
	require.NoError(t, err)
	require.Equal(t, gloebit.Identity{ID: "1", Name: "Al Ice"}, identity)

	balance, err := at(`{"success":true,"balance":99999999999999999.25}`).Balance(ctx)
	require.NoError(t, err)
	require.Equal(t, "99999999999999999.25", balance.String())

	for _, body := range []string{
		`{"success":true,"count":3}`, `{"success":true,"product-count":3}`, `{"success":true,"count":9,"product-count":3}`,
	} {
		left, err := at(body).ConsumeProduct(ctx, "hat", 1)
		require.NoError(t, err)
		require.EqualValues(t, 3, left)
	}
	products, err := at(`{"success":true,"products":{"hat":2,"Zauberhut ü":1}}`).Products(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"hat": 2, "Zauberhut ü": 1}, products)
}

func TestIdentityFollowsTheScopeThatWasGranted(t *testing.T) {
	for scope, path := range map[gloebit.Scope]string{
		gloebit.ScopeID: "/id", gloebit.ScopeUser: "/user", gloebit.ScopeIdentity: "/user",
	} {
		var called string
		client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			called = r.Method + " " + r.URL.Path
			_, _ = io.WriteString(w, `{"success":true,"id":"1"}`)
		}, func(_ *gloebit.Config, c *connect.Credential) { c.Scopes = []gloebit.Scope{scope} })
		_, err := client.Identity(t.Context())
		require.NoError(t, err)
		require.Equal(t, "GET "+path, called)
	}
}

func TestTransactSendsBothVersionsNames(t *testing.T) {
	for name, test := range map[string]struct {
		call func(*gloebit.Client) (gloebit.Receipt, error)
		want string
	}{
		"an item": {func(c *gloebit.Client) (gloebit.Receipt, error) {
			return c.PurchaseItem(t.Context(), gloebit.ItemOrder{ID: "t1", Item: "wrap", Price: 5, Quantity: 3, Username: "Al"})
		}, `{"application-key":"key","asset-code":"wrap","asset-quantity":3,"consumer-key":"key","gloebit-balance-change":15,"id":"t1","merchant-user-id":"Al","request-created":1767323045,"transaction-id":"t1","username-on-application":"Al","version":1}`},
		"a product": {func(c *gloebit.Client) (gloebit.Receipt, error) {
			return c.PurchaseProduct(t.Context(), gloebit.ProductOrder{ID: "t2", Product: "green-hat", Quantity: 1})
		}, `{"application-key":"key","consumer-key":"key","id":"t2","merchant-user-id":"u","product":"green-hat","product-quantity":1,"request-created":1767323045,"transaction-id":"t2","username-on-application":"u","version":1}`},
		"a bare charge with hold URLs": {func(c *gloebit.Client) (gloebit.Receipt, error) {
			return c.Transact(t.Context(), gloebit.Transaction{
				ID: "t3", Total: 7,
				Hold: gloebit.HoldURLs{
					Enact: "https://s.example/e", Consume: "https://s.example/c", Cancel: "http://localhost:1/x",
				},
			})
		}, `{"application-key":"key","asset-cancel-hold-url":"http://localhost:1/x","asset-consume-hold-url":"https://s.example/c","asset-enact-hold-url":"https://s.example/e","consumer-key":"key","gloebit-balance-change":7,"id":"t3","merchant-user-id":"u","request-created":1767323045,"transaction-id":"t3","username-on-application":"u","version":1}`},
		"a product with the price of the documents' example": {func(c *gloebit.Client) (gloebit.Receipt, error) {
			return c.Transact(t.Context(), gloebit.Transaction{ID: "t4", Product: "green-hat", ProductQuantity: 2, Total: 40})
		}, `{"application-key":"key","consumer-key":"key","gloebit-balance-change":40,"id":"t4","merchant-user-id":"u","product":"green-hat","product-quantity":2,"request-created":1767323045,"transaction-id":"t4","username-on-application":"u","version":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			var got, contentType string
			client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got, contentType = string(body), r.Header.Get("Content-Type")
				_, _ = io.WriteString(w, `{"success":true,"status":"queued","reason":"success","balance":960.5,"product-count":2}`)
			}, func(config *gloebit.Config, _ *connect.Credential) { config.Clock = testkit.NewClock().Now })
			receipt, err := test.call(client)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			require.Equal(t, "application/json", contentType)
			require.Equal(t, "queued", receipt.Status)
			require.Equal(t, "960.5", receipt.Balance.String())
			require.EqualValues(t, 2, *receipt.ProductCount)
		})
	}
}

func TestTransactRefusesBeforeSending(t *testing.T) {
	client, _, _ := clientOf(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for name, transaction := range map[string]gloebit.Transaction{
		"nothing":               {},
		"a negative total":      {IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: -1},
		"a total too high":      {IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: 1 << 53},
		"an id too long":        {ID: strings.Repeat("x", 37), Asset: "a", AssetQuantity: 1, Total: 1},
		"an id with a space":    {ID: "a b", Asset: "a", AssetQuantity: 1, Total: 1},
		"an id beyond ASCII":    {ID: "ü", Asset: "a", AssetQuantity: 1, Total: 1},
		"product and asset":     {IdempotencyKey: "k", Product: "p", ProductQuantity: 1, Asset: "a", AssetQuantity: 1},
		"a negative quantity":   {IdempotencyKey: "k", Product: "p", ProductQuantity: -1},
		"a quantity of nothing": {IdempotencyKey: "k", Total: 1, AssetQuantity: 2},
		"a relative hold URL": {
			IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: 1, Hold: gloebit.HoldURLs{Enact: "/enact"},
		},
		"a hold URL on http": {
			IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: 1,
			Hold: gloebit.HoldURLs{Consume: "http://shop.example/c"},
		},
		"a hold URL of a script": {
			IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: 1, Hold: gloebit.HoldURLs{Cancel: "javascript:alert(1)"},
		},
		"neither key nor id": {Total: 1},
		"key and id":         {IdempotencyKey: "k", ID: "i", Total: 1},
		"a long key":         {IdempotencyKey: strings.Repeat("k", 256), Total: 1},
		"no products":        {IdempotencyKey: "k", Product: "p"},
		"no assets":          {IdempotencyKey: "k", Asset: "a", Total: 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Transact(t.Context(), transaction)
			require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
		})
	}
	for name, order := range map[string]gloebit.ItemOrder{
		"no name":             {Price: 1},
		"a negative price":    {IdempotencyKey: "k", Item: "a", Price: -1, Quantity: 1},
		"a negative quantity": {IdempotencyKey: "k", Item: "a", Price: 1, Quantity: -1},
		"an overflow":         {IdempotencyKey: "k", Item: "a", Price: 1 << 40, Quantity: 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.PurchaseItem(t.Context(), order)
			require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
		})
	}
	_, err := client.PurchaseProduct(t.Context(), gloebit.ProductOrder{IdempotencyKey: "k", Quantity: 1})
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	for _, product := range []string{"", ".", ".."} {
		_, err = client.ConsumeProduct(t.Context(), product, 1)
		require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	}
	_, err = client.ConsumeProduct(t.Context(), "hat", 0)
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
}

func TestProductNamesArePercentEncoded(t *testing.T) {
	var got string
	client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.EscapedPath()
		_, _ = io.WriteString(w, `{"success":true,"count":0}`)
	})
	_, err := client.ConsumeProduct(t.Context(), "a/b?c#d é%", 2)
	require.NoError(t, err)
	require.Equal(t, "/consume-user-product/a%2Fb%3Fc%23d%20%C3%A9%25/2/", got)
}

func TestOnlyRepeatableCallsAreRepeated(t *testing.T) {
	faults := map[string]http.HandlerFunc{
		"429":                answering(429, ``),
		"500":                answering(500, ``),
		"503":                answering(503, ``),
		"dropped connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut off body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"success":`)
		},
	}
	for name, fault := range faults {
		for path, call := range calls {
			t.Run(name+" at "+path, func(t *testing.T) {
				var attempts atomic.Int32
				client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
					attempts.Add(1)
					fault(w, r)
				})
				require.Error(t, call(t.Context(), client))
				if path == "consume-user-product" {
					require.EqualValues(t, 1, attempts.Load(), "sent once")
				} else {
					require.EqualValues(t, 4, attempts.Load(), "sent four times")
				}
			})
		}
	}
}

func TestLostTransactResponseIsRetriedWithSameID(t *testing.T) {
	for name, outcome := range map[string]struct {
		second  string
		success bool
		final   bool
	}{
		"resubmitted": {`{"success":true,"status":"queued","reason":"resubmitted"}`, true, true},
		"already created": {
			`{"success":false,"status":"failed","reason":"transaction already created"}`, true, true,
		},
		"it had not arrived, no G$":   {`{"success":false,"status":"queued","reason":"insufficient balance"}`, false, true},
		"the token died in between":   {`{"success":false,"reason":"unknown OAuth2 token"}`, false, false},
		"an unknown reason":           {`{"success":false,"reason":"hm"}`, false, false},
		"an answer that is not there": {``, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var ids []string
			client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				var body struct{ ID string }
				_ = json.NewDecoder(r.Body).Decode(&body)
				mu.Lock()
				defer mu.Unlock()
				ids = append(ids, body.ID)
				if len(ids) == 1 || outcome.second == "" {
					panic(http.ErrAbortHandler)
				}
				_, _ = io.WriteString(w, outcome.second)
			})
			receipt, err := client.PurchaseItem(t.Context(), gloebit.ItemOrder{
				IdempotencyKey: uuid.NewString(), Item: "hat", Price: 1, Quantity: 1,
			})
			require.NotEmpty(t, receipt.TransactionID)
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				require.Equal(t, receipt.TransactionID, id)
			}
			if outcome.success {
				require.NoError(t, err)
				require.Equal(t, gloebit.OutcomeResubmitted, receipt.Outcome)
				return
			}
			require.Error(t, err)
			if outcome.final {
				require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)
			} else {
				require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
			}
		})
	}
}

func TestRefusedConnectionHasKnownOutcome(t *testing.T) {
	client, _, _ := clientOf(t, nil, func(c *gloebit.Config, _ *connect.Credential) {
		c.Provider = gloebit.ProviderAt("http://127.0.0.1:1") // no server listens there
	})
	_, err := client.PurchaseItem(t.Context(), gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "hat", Price: 1, Quantity: 1,
	})
	require.ErrorIs(t, err, gloebit.ErrUnavailable)
	require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)
}

func TestDeadlineLimitsRetryAfter(t *testing.T) {
	client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := client.Balance(ctx) // would take an hour
	require.ErrorIs(t, err, gloebit.ErrRateLimited)
	var failure *gloebit.APIError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, time.Hour, failure.RetryAfter)

	_, err = client.Balance(t.Context())
	require.ErrorIs(t, err, gloebit.ErrRateLimited, "nor is there a wait of an hour without a deadline")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Balance(ended)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRefusedTokenDoesNotDeleteNewerToken(t *testing.T) {
	client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer newer" {
			_, _ = io.WriteString(w, `{"success":false,"reason":"unknown token"}`)
			return
		}
		_, _ = io.WriteString(w, `{"success":true}`)
	})
	require.NoError(t, tokens.Update(t.Context(), keyOf(merchant, "u"), save(connect.Credential{AccessToken: "newer"})))
	require.NoError(
		t, client.VerifyToken(t.Context()), "the call is sent again with the token that the user got meanwhile",
	)
	credential, err := tokens.Load(t.Context(), keyOf(merchant, "u"))
	require.NoError(t, err)
	require.Equal(t, gloebit.Secret("newer"), credential.AccessToken)
}

func TestClientRequiresConnectedUser(t *testing.T) {
	clock := testkit.NewClock()
	config := validConfig()
	config.Clock, config.Tokens = clock.Now, &gloebit.MemoryTokenStore{}
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	_, err = merchant.Client(t.Context(), "unknown")
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	_, err = merchant.Client(t.Context(), "")
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)

	require.NoError(
		t,
		config.Tokens.Update(
			t.Context(), keyOf(merchant, "u"),
			save(connect.Credential{ExpiresAt: time.Now().Add(time.Hour), Scopes: []gloebit.Scope{"balance"}}),
		),
	)
	client, err := merchant.Client(t.Context(), "u")
	require.NoError(t, err)
	require.Equal(t, "u", client.User().ID)
	scopes := client.Scopes()
	scopes[0] = "changed"
	require.Equal(t, []gloebit.Scope{"balance"}, client.Scopes(), "the caller's copy is its own")
	clock.Advance(100 * 365 * 24 * time.Hour)
	_, err = merchant.Client(t.Context(), "u")
	require.ErrorIs(t, err, gloebit.ErrNotConnected, "the credential has expired")

	_, ok := gloebit.FromContext(t.Context())
	require.False(t, ok)
	require.Panics(t, func() { gloebit.MustFromContext(t.Context()) })
	require.Same(t, client, gloebit.MustFromContext(gloebit.NewContext(t.Context(), client)))
}

func TestPurchaseGloebitsURLReturnsToThisSite(t *testing.T) {
	client, _, _ := clientOf(t, nil, func(c *gloebit.Config, _ *connect.Credential) { c.Provider = gloebit.Sandbox() })
	for returnTo, back := range map[string]string{
		"/shop?x=1":            "https%3A%2F%2Fshop.example%2Fshop%3Fx%3D1",
		"":                     "https%3A%2F%2Fshop.example%2F",
		"https://evil.example": "https%3A%2F%2Fshop.example%2F",
		"@evil.example":        "https%3A%2F%2Fshop.example%2F",
	} {
		require.Equal(t, "https://sandbox.gloebit.com/purchase?r=key&return-to="+back, client.PurchaseGloebitsURL(returnTo))
	}
}
