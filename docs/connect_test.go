package docs_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// newSite is an application with a sign-in of its own.
func newSite(config gloebit.Config, sessions *scs.SessionManager) (http.Handler, error) {
	config.Sessions = sessions
	config.User = func(r *http.Request) (gloebit.User, error) {
		id := sessions.GetString(r.Context(), "user")
		if id == "" {
			return gloebit.User{}, gloebit.ErrNoUser
		}
		return gloebit.User{ID: id, Name: sessions.GetString(r.Context(), "name")}, nil
	}
	config.SignInURL = "/sign-in"
	merchant, err := gloebit.New(config)
	if err != nil {
		return nil, err
	}

	signIn := func(w http.ResponseWriter, r *http.Request) { // after the password was checked
		if err := sessions.RenewToken(r.Context()); err != nil {
			http.Error(w, "Please try again.", http.StatusServiceUnavailable)
			return
		}
		sessions.Put(r.Context(), "user", r.FormValue("user"))
		to, err := connect.CheckReturnTo(r.FormValue("return_to"))
		if err != nil || to == "" {
			to = "/"
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
	signInPage := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<form method="post"><input name="user"><input type="hidden" name="return_to" value="%s"></form>`,
			html.EscapeString(r.FormValue("return_to")))
	}

	home := func(w http.ResponseWriter, r *http.Request) {
		client, ok := gloebit.FromContext(r.Context())
		if !ok {
			fmt.Fprintf(w, `<a href="%s">Connect to Gloebit</a>`, html.EscapeString(merchant.ConnectURL("/cart")))
			return
		}
		fmt.Fprintf(w, "Connected as %s", html.EscapeString(client.User().ID))
	}

	cart := func(w http.ResponseWriter, r *http.Request) {
		balance, err := gloebit.MustFromContext(r.Context()).Balance(r.Context())
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		fmt.Fprintf(w, "You have %s G$", balance)
	}
	things := func(w http.ResponseWriter, r *http.Request) {
		products, err := gloebit.MustFromContext(r.Context()).Products(r.Context())
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		fmt.Fprintf(w, "You have %d hats", products["green-hat"])
	}

	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler()) // connect, callback, disconnect
	mux.HandleFunc("GET /sign-in", signInPage)
	mux.HandleFunc("POST /sign-in", signIn)
	mux.Handle("GET /{$}", merchant.Optional(http.HandlerFunc(home)))
	mux.Handle("GET /cart", merchant.RequireGloebit(http.HandlerFunc(cart)))
	mux.Handle("GET /things", merchant.RequireScopes(gloebit.ScopeInventory)(http.HandlerFunc(things)))
	return sessions.LoadAndSave(http.NewCrossOriginProtection().Handler(mux)), nil
}

func TestConnect(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{})
	config := shop.Config()
	config.Scopes = []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance}
	site, err := newSite(config, scs.New())
	require.NoError(t, err)
	shop.Serve(site)
	browser := testkit.NewBrowser(t)
	load := func(path string) testkit.Page {
		return testkit.Load(t, browser, testkit.NewRequest(t, http.MethodGet, shop.Server.URL+path, nil))
	}
	post := func(path string, form url.Values) testkit.Page {
		return testkit.Load(t, browser, testkit.NewRequest(t, http.MethodPost, shop.Server.URL+path, form))
	}

	page := load("/cart")
	require.Equal(t, "/sign-in?return_to=%2Fcart", page.URL.RequestURI())
	page = post("/sign-in", url.Values{"user": {"7"}, "return_to": {"/cart"}})
	require.Equal(t, "/cart", page.URL.Path)
	require.Equal(t, "You have 1000 G$", page.Body)
	require.Equal(t, "You have 0 hats", load("/things").Body)
	require.Equal(t, "Connected as 7", load("/").Body)
	require.Contains(t, post("/gloebit/disconnect", url.Values{"return_to": {"/"}}).Body, "Connect to Gloebit")
	require.Equal(t, "/", post("/sign-in", url.Values{"user": {"7"}, "return_to": {"//evil.example"}}).URL.Path)
}

// newSignIn is an application whose users are those of Gloebit.
func newSignIn(config gloebit.Config) (http.Handler, error) {
	config.SignIn = true
	merchant, err := gloebit.New(config)
	if err != nil {
		return nil, err
	}
	me := func(w http.ResponseWriter, r *http.Request) {
		user := gloebit.MustFromContext(r.Context()).User()
		fmt.Fprintf(w, "%s is signed in", html.EscapeString(user.Name)) // user.ID is the account's ID at Gloebit
	}
	signOut := func(w http.ResponseWriter, r *http.Request) {
		if err := merchant.SignOut(r); err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		http.Redirect(w, r, "/bye", http.StatusSeeOther)
	}
	bye := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "You are signed out") }

	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.Handle("GET /me", merchant.RequireGloebit(http.HandlerFunc(me)))
	mux.Handle("POST /sign-out", merchant.Optional(http.HandlerFunc(signOut)))
	mux.HandleFunc("GET /bye", bye) // needs no connection: a protected page would sign in again
	return mux, nil
}

func TestSignIn(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{})
	site, err := newSignIn(shop.Config())
	require.NoError(t, err)
	shop.Serve(site)
	browser := testkit.NewBrowser(t)

	page := testkit.Load(t, browser, testkit.NewRequest(t, http.MethodGet, shop.Server.URL+"/me", nil))
	require.Equal(t, "alice is signed in", page.Body)
	page = testkit.Load(t, browser, testkit.NewRequest(t, http.MethodPost, shop.Server.URL+"/sign-out", nil))
	require.Equal(t, "You are signed out", page.Body)
	script := testkit.NewRequest(t, http.MethodGet, shop.Server.URL+"/me", nil)
	script.Header.Set("Accept", "application/json")
	require.Equal(t, http.StatusUnauthorized, testkit.Load(t, browser, script).Status)
}

func TestSessionCookie(t *testing.T) {
	sessions := scs.New()
	sessions.Cookie.Secure = true                   // on https
	sessions.HashTokenInStore = true                // a reader of the store can't take over a session
	sessions.Cookie.SameSite = http.SameSiteLaxMode // Strict loses the session on the way back from Gloebit
	sessions.Codec = connect.SessionCodec{}         // faster than gob

	config := gloebit.Config{
		ClientID: "key", ClientSecret: "secret", Provider: gloebit.Production(),
		RedirectURL: "https://shop.example/gloebit/callback", Sessions: sessions,
	}
	_, err := gloebit.New(config)
	require.NoError(t, err)
	sessions.Cookie.SameSite = http.SameSiteStrictMode
	_, err = gloebit.New(config)
	require.ErrorContains(t, err, "Strict")
}
