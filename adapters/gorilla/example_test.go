package gloebitgorilla_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-gloebit/gloebit"
	gloebitgorilla "github.com/go-gloebit/gloebit/adapters/gorilla"
	"github.com/gorilla/sessions"
)

func Example() {
	key, secret := "key", gloebit.Secret("secret")
	sessionKey := []byte("32 bytes, kept out of the source")
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}

	store := sessions.NewCookieStore(sessionKey) // what the application has
	store.Options.HttpOnly = true
	store.Options.SameSite = http.SameSiteLaxMode

	sessions, err := gloebitgorilla.New(gloebitgorilla.Config{Store: store, Name: "shop"})
	check(err)
	merchant, err := gloebit.New(gloebit.Config{
		ClientID:     key,
		ClientSecret: secret,
		RedirectURL:  "https://shop.example/gloebit/callback",
		Provider:     gloebit.Sandbox(),
		Sessions:     sessions,
		SignIn:       true,
	})
	check(err)

	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler()) // connect, callback, disconnect
	buy := func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "shop") // the same session, as ever
		fmt.Fprintf(w, "%d flashes for %s", len(session.Flashes()), gloebit.MustFromContext(r.Context()).User().Name)
	}
	mux.Handle("POST /buy/{product}", merchant.RequireGloebit(http.HandlerFunc(buy)))
	handler := sessions.LoadAndSave(mux)

	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/buy/green-hat", nil))
	fmt.Println(recorder.Code)
	// Output: 401
}
