package docs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// exampleServer is what a goth.Provider was: endpoints, and who the user is.
func exampleServer(base string) connect.Server {
	return connect.Server{
		Name: "Example",
		Endpoint: oauth2.Endpoint{
			AuthURL:  base + "oauth2/authorize",
			TokenURL: base + "oauth2/access-token",
		},
		Identity: func(ctx context.Context, account *connect.Account) (connect.User, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"id", nil)
			if err != nil {
				return connect.User{}, err
			}
			resp, err := account.HTTPClient().Do(r) // sends the access token, and refreshes it
			if err != nil {
				return connect.User{}, err
			}
			defer resp.Body.Close()
			var user struct{ ID, Name string }
			if err := json.NewDecoder(resp.Body).Decode(&user); err != nil {
				return connect.User{}, err
			}
			return connect.User{ID: user.ID, Name: user.Name}, nil
		},
	}
}

// newAfterGoth is an application that signs its users in at the server.
func newAfterGoth(config connect.Config) (http.Handler, error) {
	config.SignIn = true
	connector, err := connect.New(config)
	if err != nil {
		return nil, err
	}
	me := func(w http.ResponseWriter, r *http.Request) {
		user := connect.MustFromContext(r.Context()).User() // goth.User's UserID and Name
		fmt.Fprintf(w, "Hello, %s", html.EscapeString(user.Name))
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/example/", connector.Handler()) // gothic.BeginAuthHandler, CompleteUserAuth and Logout
	mux.Handle("GET /me", connector.Require()(http.HandlerFunc(me)))
	return mux, nil
}

func TestGoth(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{})
	site, err := newAfterGoth(connect.Config{
		Server:   exampleServer(shop.Gloebit.URL),
		ClientID: shop.App.Key, ClientSecret: connect.Secret(shop.App.Secret),
		RedirectURL: shop.Server.URL + "/auth/example/callback",
		Scopes:      []connect.Scope{"id"},
	})
	require.NoError(t, err)
	shop.Serve(site)
	browser := testkit.NewBrowser(t)
	page := testkit.Load(t, browser, testkit.NewRequest(t, http.MethodGet, shop.Server.URL+"/me", nil))
	require.Equal(t, "Hello, alice", page.Body)
	require.True(t, strings.HasSuffix(page.URL.Path, "/me"))
}
