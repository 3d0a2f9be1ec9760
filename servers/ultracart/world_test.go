package ultracart_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/servers/ultracart"
	"github.com/go-gloebit/gloebit/servers/ultracart/ultracarttest"
	"github.com/stretchr/testify/require"
)

const (
	base       = "/rest/v2"
	embed      = base + "/conversation_embed"
	tokenPath  = base + "/oauth/token"
	revokePath = base + "/oauth/revoke"
	devicePath = base + "/oauth/device/authorize"
	ordersPath = base + "/order/orders"
)

// orders is a part of a response of the API.
type orders struct {
	Success bool `json:"success"`
	Orders  []struct {
		OrderID string `json:"order_id"`
	} `json:"orders"`
}

// world is a test UltraCart and an application.
type world struct {
	*ultracarttest.Server
	url   string // of the API
	clock *testkit.Clock
	app   *oauthtest.App
}

func newWorld(t *testing.T, config ultracarttest.Config) *world {
	t.Helper()
	w := &world{clock: testkit.NewClock()}
	config.Clock = w.clock.Now
	w.Server = ultracarttest.New(config)
	listening := httptest.NewServer(w.Server)
	t.Cleanup(listening.Close)
	w.url = listening.URL + base
	w.app = oauthtest.NewApp(t, ultracart.Server(w.url), "")
	w.app.Call = func(ctx context.Context, account *connect.Account) (string, error) {
		var list orders
		if err := ultracart.NewClient(account).Do(ctx, http.MethodGet, "/order/orders", nil, &list); err != nil {
			return "", err
		}
		return list.Orders[0].OrderID, nil
	}
	w.AddApplication(ultracarttest.Application{ClientID: "app", RedirectURIs: []string{w.app.Callback()}})
	w.Answer("GET /order/orders", `{"success":true,"orders":[{"order_id":"DEMO-1"}]}`)
	w.Answer("POST /order/orders", `{"success":true}`)
	w.Approve("merchant")
	return w
}

// oauth calls the OAuth endpoints.
func (w *world) oauth() ultracart.OAuth {
	return ultracart.OAuth{
		Server: ultracart.Server(w.url), ClientID: "app", HTTPClient: &http.Client{Transport: w.transport()},
	}
}

// transport calls the server without a network.
func (w *world) transport() http.RoundTripper { return oauthtest.Transport{Handler: w.Server} }

// authorize returns where an authorization request leads.
func (w *world) authorize(t *testing.T, query url.Values) testkit.Page {
	t.Helper()
	client := &http.Client{Transport: w.transport(), CheckRedirect: testkit.Stay}
	return testkit.Load(t, client, testkit.NewRequest(t, http.MethodGet, w.url+"/oauth/authorize?"+query.Encode(), nil))
}

// code returns a code that the user approved.
func (w *world) code(t *testing.T) connect.Secret {
	t.Helper()
	page := w.authorize(t, url.Values{"response_type": {"code"}, "client_id": {"app"}, "state": {"denmark"}})
	to, err := url.Parse(page.Header.Get("Location"))
	require.NoError(t, err)
	return connect.Secret(to.Query().Get("code"))
}

// tokens returns tokens that the user approved.
func (w *world) tokens(t *testing.T) ultracart.TokenResponse {
	t.Helper()
	response, err := w.oauth().AccessToken(t.Context(), ultracart.TokenRequest{
		GrantType: ultracart.AuthorizationCode, Code: w.code(t), RedirectURI: w.app.Callback(),
	})
	require.NoError(t, err)
	return response
}

// account is connected.
func (w *world) account(t *testing.T) *connect.Account {
	t.Helper()
	page := w.app.Page(t)
	require.Equal(t, http.StatusOK, page.Status, page.Body)
	return w.app.Account(t)
}

func (w *world) count(grant string) int {
	n := 0
	for _, request := range w.Requests(tokenPath) {
		if request.Form.Get("grant_type") == grant {
			n++
		}
	}
	return n
}
