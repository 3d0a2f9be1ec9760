package docs_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// mall is one process with several merchants, who share users and stores.
type mall struct {
	site     string // such as https://mall.example
	provider gloebit.Provider
	sessions *scs.SessionManager
	tokens   gloebit.TokenStore
	states   gloebit.StateStore
	mux      *http.ServeMux
}

// addShop adds the shop of one merchant below /NAME/.
func (m *mall) addShop(name, clientID string, secret gloebit.Secret) (*gloebit.Merchant, error) {
	merchant, err := gloebit.New(gloebit.Config{
		ClientID:     clientID,
		ClientSecret: secret,
		RedirectURL:  m.site + "/" + name + "/gloebit/callback", // one for each merchant
		HomePath:     "/" + name + "/",
		Scopes:       []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeTransact},
		Provider:     m.provider,
		Sessions:     m.sessions,
		States:       m.states,
		Tokens:       m.tokens,
		User: func(r *http.Request) (gloebit.User, error) {
			return gloebit.User{ID: m.sessions.GetString(r.Context(), "user")}, nil // no ID: not signed in
		},
	})
	if err != nil {
		return nil, err
	}
	buy := func(w http.ResponseWriter, r *http.Request) {
		client := gloebit.MustFromContext(r.Context()) // of this merchant
		receipt, err := client.PurchaseItem(r.Context(), gloebit.ItemOrder{
			IdempotencyKey: r.FormValue("order"), Item: "green-hat", Price: 40, Quantity: 1,
		})
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		fmt.Fprintln(w, receipt.Outcome)
	}
	m.mux.Handle("/"+name+"/gloebit/", merchant.Handler())
	m.mux.Handle("/"+name+"/buy", merchant.RequireGloebit(http.HandlerFunc(buy)))
	return merchant, nil
}

func TestMerchants(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{})
	for _, owner := range []string{"hatter", "cobbler"} {
		user, err := shop.Gloebit.AddUser(gloebittest.User{Name: owner})
		require.NoError(t, err)
		_, err = shop.Gloebit.AddApplication(gloebittest.Application{
			Key: owner + "-key", Secret: owner + "-secret", Owner: user.ID,
			RedirectPrefixes: []string{shop.Server.URL + "/"},
		})
		require.NoError(t, err)
	}
	tokens := &gloebit.MemoryTokenStore{}
	m := &mall{
		site: shop.Server.URL, provider: gloebit.ProviderAt(shop.Gloebit.URL), sessions: scs.New(),
		tokens: tokens, states: &gloebit.MemoryStateStore{}, mux: http.NewServeMux(),
	}
	m.mux.HandleFunc("POST /sign-in", func(_ http.ResponseWriter, r *http.Request) {
		m.sessions.Put(r.Context(), "user", "alice")
	})
	shop.Serve(m.sessions.LoadAndSave(m.mux))
	browser := testkit.NewBrowser(t)
	testkit.Load(t, browser, testkit.NewRequest(t, http.MethodPost, shop.Server.URL+"/sign-in", nil))

	for _, owner := range []string{"hatter", "cobbler"} {
		merchant, err := m.addShop(owner, owner+"-key", gloebit.Secret(owner+"-secret"))
		require.NoError(t, err)
		buy := shop.Server.URL + "/" + owner + "/buy?order=" + uuid.NewString()
		page := testkit.Load(t, browser, testkit.NewRequest(t, http.MethodGet, buy, nil)) // connects on the way
		require.Equal(t, "queued\n", page.Body)
		require.Equal(t, "40", shop.Gloebit.Balance(owner)) // the right merchant is paid
		_, err = tokens.Load(t.Context(), connect.Key{Realm: merchant.Realm(), ID: "alice"})
		require.NoError(t, err)
	}
	require.Equal(t, "920", shop.Gloebit.Balance("alice"))
}

func TestRealms(t *testing.T) {
	realm := func(provider gloebit.Provider, id, name string) string {
		merchant, err := gloebit.New(gloebit.Config{
			ClientID: id, ClientSecret: "secret", Realm: name, Provider: provider,
			RedirectURL: "https://shop.example/gloebit/callback",
		})
		require.NoError(t, err)
		return merchant.Realm()
	}
	require.Equal(t, "www.gloebit.com/hats", realm(gloebit.Production(), "new-id", "hats"))
	require.Equal(t, "sandbox.gloebit.com/hats", realm(gloebit.Sandbox(), "new-id", "hats"))
	require.Equal(t, "www.gloebit.com/old-id", realm(gloebit.Production(), "old-id", ""))
}
