package peers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// TestConnect checks each answer of the user to the consent page.
func TestConnect(t *testing.T) {
	for name, start := range peers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("approved", func(t *testing.T) {
				a := newApplication(t, start)
				a.connect(t)
				require.Equal(t, http.StatusOK, a.load(t, "/app/page").Status)
				require.Equal(t, 1, a.peer.granted("authorization_code"))
				require.Len(t, a.connections, 1)
				require.ElementsMatch(t, a.peer.scopes, a.connections[0].Granted)
				require.Empty(t, a.connections[0].Missing)
				credential := account(t, a.connector).Credential()
				require.NotEmpty(t, credential.RefreshToken)
				require.False(t, credential.TokenExpiry.IsZero())
				for _, secret := range []connect.Secret{credential.AccessToken, credential.RefreshToken, clientSecret} {
					require.NotContains(t, a.log.String(), secret.Reveal())
				}
			})
			t.Run("denied, then approved", func(t *testing.T) {
				a := newApplication(t, start)
				page := a.answer(t, a.asks(t, "/app/page"), deny())
				require.Equal(t, http.StatusForbidden, page.Status, page.Body)
				require.Contains(t, page.Body, "You did not approve the connection")
				require.Zero(t, a.tokens.Len())
				require.Zero(t, a.peer.granted("authorization_code"))
				a.connect(t)
			})
			t.Run("narrower, then the rest", func(t *testing.T) {
				a := newApplication(t, start)
				narrower := a.peer.scopes[:len(a.peer.scopes)-1]
				page := a.answer(t, a.asks(t, "/app/page"), allow(narrower...))
				require.Equal(t, http.StatusOK, page.Status, page.Body)
				require.ElementsMatch(t, narrower, a.connections[0].Granted)
				require.Equal(t, []connect.Scope{a.peer.optional}, a.connections[0].Missing)
				page = a.answer(t, a.asks(t, "/app/more"), allow(a.peer.scopes...))
				require.Equal(t, http.StatusOK, page.Status, page.Body)
				require.Equal(t, "/app/more", page.URL.Path)
				require.Empty(t, a.connections[1].Missing)
			})
			t.Run("narrower than the page needs", func(t *testing.T) {
				a := newApplication(t, start)
				narrower := a.peer.scopes[:len(a.peer.scopes)-1]
				page := a.answer(t, a.asks(t, "/app/more"), allow(narrower...))
				require.Contains(t, page.Body, "<form", "asked again, for what the page needs")
				page = a.answer(t, page, allow(narrower...))
				require.Equal(t, http.StatusForbidden, page.Status, page.Body)
				require.Contains(t, page.Body, "Your approval does not cover this yet")
				require.Equal(t, 1, a.tokens.Len(), "the granted connection is kept")
			})
		})
	}
}

// TestConfiguration checks that configuration mistakes cause clear errors.
func TestConfiguration(t *testing.T) {
	for name, start := range peers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("wrong client secret", func(t *testing.T) {
				if strings.Contains(name, "public") {
					return // which has none
				}
				a := newApplication(t, start, func(c *connect.Config) { c.ClientSecret = "wrong" })
				page := a.answer(t, a.asks(t, "/app/page"), allow(a.peer.scopes...))
				require.Equal(t, http.StatusBadGateway, page.Status, page.Body)
				require.Zero(t, a.tokens.Len())
				require.Contains(t, a.log.String(), `the token endpoint answered with status 401: \"invalid_client\"`)
				require.Contains(t, a.log.String(), "check Config.ClientID, Config.ClientSecret")
			})
			t.Run("client secret in the body", func(t *testing.T) {
				if name != "fosite" {
					return // others take both ways
				}
				a := newApplication(t, start, func(c *connect.Config) { c.Server.Endpoint.AuthStyle = oauth2.AuthStyleInParams })
				page := a.answer(t, a.asks(t, "/app/page"), allow(a.peer.scopes...))
				require.Equal(t, http.StatusBadGateway, page.Status, page.Body)
				require.Contains(t, a.log.String(), `The OAuth 2.0 Client supports client authentication method`)
			})
			t.Run("no PKCE", func(t *testing.T) {
				if name == "zitadel" {
					return // which does not demand it
				}
				a := newApplication(t, start, func(c *connect.Config) { c.Server.PKCE = false })
				page := a.answer(t, a.asks(t, "/app/page"), allow(a.peer.scopes...))
				require.Equal(t, http.StatusBadGateway, page.Status, page.Body)
				require.Zero(t, a.tokens.Len())
				require.Contains(t, a.log.String(), `\"invalid_request\"`)
				require.Regexp(t, `code_challenge|PKCE`, a.log.String())
			})
			t.Run("unknown scope", func(t *testing.T) {
				if strings.HasPrefix(name, "zitadel") {
					return // which leaves it out
				}
				a := newApplication(t, start, func(c *connect.Config) { c.Scopes = []connect.Scope{"unknown"} })
				page := a.load(t, "/app/page")
				require.Equal(t, http.StatusBadGateway, page.Status, page.Body)
				require.Contains(t, a.log.String(), `\"invalid_scope\"`)
			})
		})
	}
}

// TestState checks that a callback with a changed state, or from another
// browser, neither completes nor ends a connection.
func TestState(t *testing.T) {
	for name, start := range peers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApplication(t, start)
			var callback *url.URL
			a.browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
				if r.URL.Path == "/app/callback" {
					callback = r.URL
					return http.ErrUseLastResponse
				}
				return nil
			}
			a.answer(t, a.asks(t, "/app/page"), allow(a.peer.scopes...))
			a.browser.CheckRedirect = nil
			require.NotNil(t, callback)

			changed := callback.Query()
			changed.Set("state", strings.Repeat("x", len(changed.Get("state"))))
			page := a.load(t, "/app/callback?"+changed.Encode())
			require.Equal(t, http.StatusBadRequest, page.Status, page.Body)
			other := testkit.NewRequest(t, http.MethodGet, callback.String(), nil)
			page = testkit.Load(t, testkit.NewBrowser(t), other)
			require.Equal(t, http.StatusBadRequest, page.Status, page.Body)
			require.Zero(t, a.peer.granted("authorization_code"))
			require.Zero(t, a.tokens.Len())

			require.Equal(t, http.StatusOK, a.load(t, callback.RequestURI()).Status, "the state is still good")
			page = a.load(t, callback.RequestURI())
			require.Equal(t, http.StatusOK, page.Status, "a connected user is redirected to the page: "+page.Body)
			require.Equal(t, 1, a.peer.granted("authorization_code"), "and the state is good only once")
		})
	}
}

// TestIssuer checks that an authorization response is accepted only from the
// right issuer (RFC 9207).
func TestIssuer(t *testing.T) {
	const issuer = "https://id.example"
	for name, start := range peers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApplication(t, start, func(c *connect.Config) { c.Server.Issuer = issuer })
			for _, test := range []struct {
				name   string
				iss    []string
				answer url.Values // nil allows
				status int
				stored int
				log    string
			}{
				{"right", []string{issuer}, nil, http.StatusOK, 1, "connected"},
				{"wrong", []string{"https://other.example"}, nil, http.StatusBadGateway, 0, `iss is \"https://other.example\"`},
				{"right but for a slash", []string{issuer + "/"}, nil, http.StatusBadGateway, 0, `iss is \"https://id.example/\"`},
				{"missing", nil, nil, http.StatusBadGateway, 0, `iss is \"\" in the answer, want \"https://id.example\"`},
				{"twice", []string{issuer, issuer}, nil, http.StatusBadRequest, 0, "iss is empty or came more than once"},
				{"denied by the right one", []string{issuer}, deny(), http.StatusForbidden, 0, "the user refused access"},
				{"denied by another", []string{"https://other.example"}, deny(), http.StatusBadGateway, 0, "https://other.example"},
			} {
				t.Run(test.name, func(t *testing.T) {
					codes, written := a.peer.granted("authorization_code"), len(a.log.String())
					a.peer.change(func(answer url.Values) { answer["iss"] = test.iss })
					if test.answer == nil {
						test.answer = allow(a.peer.scopes...)
					}
					page := a.answer(t, a.asks(t, "/app/page"), test.answer)
					require.Equal(t, test.status, page.Status, page.Body)
					require.Contains(t, a.log.String()[written:], test.log)
					require.Equal(t, test.stored, a.tokens.Len())
					require.Equal(t, codes+test.stored, a.peer.granted("authorization_code"), "the code goes to no other server")
					require.NoError(t, a.connector.Disconnect(t.Context(), "ann"))
				})
			}
		})
	}
}

// TestSignIn checks that the identity at the server becomes the application's
// user.
func TestSignIn(t *testing.T) {
	a := newApplication(t, newZitadel, func(c *connect.Config) {
		c.User, c.SignIn = nil, true
		userinfo := strings.TrimSuffix(c.Server.Endpoint.TokenURL, "/oauth/token") + "/userinfo"
		c.Server.Identity = func(ctx context.Context, account *connect.Account) (connect.User, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, userinfo, nil)
			if err != nil {
				return connect.User{}, err
			}
			resp, err := account.HTTPClient().Do(r)
			if err != nil {
				return connect.User{}, err
			}
			defer resp.Body.Close()
			var info struct{ Sub, Name string }
			err = json.NewDecoder(resp.Body).Decode(&info)
			return connect.User{ID: info.Sub, Name: info.Name}, err
		}
	})
	a.connect(t)
	require.Equal(t, connect.User{ID: "id2", Name: "Test User2"}, a.connections[0].User)
	a.clock.Advance(2 * time.Hour)
	require.Equal(t, http.StatusOK, a.load(t, "/app/page").Status)
	require.Equal(t, 1, a.peer.granted("refresh_token"))
	a.disconnect(t)
	require.Zero(t, a.tokens.Len())
	a.asks(t, "/app/page")
}

// TestSeveral checks that connectors of several servers work at the same time
// with the same mux, browser, user and stores.
func TestSeveral(t *testing.T) {
	tokens, states := new(connect.MemoryTokenStore), new(connect.MemoryStateStore)
	shop := newGloebitShop(t, tokens, states)
	s := &site{shop.Server, http.NewServeMux(), testkit.NewBrowser(t)}
	shop.Serve(s.mux)
	s.mux.Handle("/gloebit/", shop.merchant.Handler())
	s.mux.Handle("/gloebit/page", shop.page())
	share := func(c *connect.Config) { c.Tokens, c.States, c.Clock = tokens, states, time.Now }
	one, two := s.add(t, "/one", newFosite, share), s.add(t, "/two", newZitadel, share)

	first, second := one.asks(t, "/one/page"), two.asks(t, "/two/page")
	balance := one.load(t, "/gloebit/page")
	require.Equal(t, "1000 G$", balance.Body)
	for _, tab := range []struct {
		app  *application
		page testkit.Page
	}{{two, second}, {one, first}} { // in the other order
		page := tab.app.answer(t, tab.page, allow(tab.app.peer.scopes...))
		require.Equal(t, http.StatusOK, page.Status, page.Body)
	}
	for range 2 {
		for i, path := range []string{"/gloebit/page", "/two/page", "/one/page"} {
			page := one.load(t, path)
			require.Equal(t, http.StatusOK, page.Status, page.Body)
			require.Equal(t, path, page.URL.Path)
			require.Contains(t, page.Body, []string{"1000 G$", "test-user2", "hello user"}[i])
		}
	}
	require.Equal(t, 3, tokens.Len())
	one.disconnect(t)
	require.Equal(t, 2, tokens.Len())
	one.asks(t, "/one/page")
	require.Contains(t, two.load(t, "/two/page").Body, "test-user2")
	require.Equal(t, "1000 G$", one.load(t, "/gloebit/page").Body)
	require.Equal(t, []int{1, 1}, []int{one.peer.granted("authorization_code"), two.peer.granted("authorization_code")})
}
