package gloebit_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
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

func TestIdentityWithoutSuccess(t *testing.T) {
	for name, test := range map[string]struct {
		scope gloebit.Scope
		body  string
		want  gloebit.Identity // zero for ErrInvalidResponse
	}{
		"the keys of the document's table": {
			"id", `{"id":"1","name":"Al","params":{"x":1}}`,
			gloebit.Identity{ID: "1", Name: "Al", Params: gloebit.Object(`{"x":1}`)},
		},
		"no success, a reason":    {"id", `{"id":"1","name":"Al","reason":"unknown token"}`, gloebit.Identity{}},
		"no success, no id":       {"id", `{"error":"oops"}`, gloebit.Identity{}},
		"no success in version B": {"user", `{"id":"1","name":"Al"}`, gloebit.Identity{}},
	} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := clientOf(t, answering(200, test.body), func(_ *gloebit.Config, c *connect.Credential) {
				c.Scopes = []gloebit.Scope{test.scope}
			})
			identity, err := client.Identity(t.Context())
			require.Equal(t, test.want, identity)
			if test.want.ID == "" {
				require.ErrorIs(t, err, gloebit.ErrInvalidResponse)
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestIdentityWithoutSuccessKeepsTheStatus(t *testing.T) {
	client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}, func(_ *gloebit.Config, c *connect.Credential) { c.Scopes = []gloebit.Scope{gloebit.ScopeID} })
	_, err := client.Identity(t.Context())
	require.ErrorIs(t, err, gloebit.ErrTokenExpired)
}

func TestTransactSendsBothVersionsNames(t *testing.T) {
	for name, test := range map[string]struct {
		call func(*gloebit.Client) (gloebit.Receipt, error)
		want string
	}{
		"an item": {func(c *gloebit.Client) (gloebit.Receipt, error) {
			return c.PurchaseItem(t.Context(), gloebit.ItemOrder{ID: "t1", Item: "wrap", Price: 5, Quantity: 3, Username: "Al"})
		}, `{"application-key":"key","asset-code":"wrap","asset-quantity":3,"consumer-key":"key",` +
			`"gloebit-balance-change":15,"id":"t1","merchant-user-id":"Al","request-created":1767323045,` +
			`"transaction-id":"t1","username-on-application":"Al","version":1}`},
		"a product": {func(c *gloebit.Client) (gloebit.Receipt, error) {
			return c.PurchaseProduct(t.Context(), gloebit.ProductOrder{ID: "t2", Product: "green-hat", Quantity: 1})
		}, `{"application-key":"key","consumer-key":"key","id":"t2","merchant-user-id":"u",` +
			`"product":"green-hat","product-quantity":1,"request-created":1767323045,` +
			`"transaction-id":"t2","username-on-application":"u","version":1}`},
		"a bare charge with hold URLs": {func(c *gloebit.Client) (gloebit.Receipt, error) {
			return c.Transact(t.Context(), gloebit.Transaction{
				ID: "t3", Total: 7,
				Hold: gloebit.HoldURLs{
					Enact: "https://s.example/e", Consume: "https://s.example/c", Cancel: "http://localhost:1/x",
				},
			})
		}, `{"application-key":"key","asset-cancel-hold-url":"http://localhost:1/x",` +
			`"asset-consume-hold-url":"https://s.example/c","asset-enact-hold-url":"https://s.example/e",` +
			`"consumer-key":"key","gloebit-balance-change":7,"id":"t3","merchant-user-id":"u",` +
			`"request-created":1767323045,"transaction-id":"t3","username-on-application":"u","version":1}`},
		"a product with the price of the documents' example": {func(c *gloebit.Client) (gloebit.Receipt, error) {
			return c.Transact(t.Context(), gloebit.Transaction{ID: "t4", Product: "green-hat", ProductQuantity: 2, Total: 40})
		}, `{"application-key":"key","consumer-key":"key","gloebit-balance-change":40,"id":"t4",` +
			`"merchant-user-id":"u","product":"green-hat","product-quantity":2,` +
			`"request-created":1767323045,"transaction-id":"t4","username-on-application":"u","version":1}`},
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
