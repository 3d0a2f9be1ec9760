package connect_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/go-gloebit/gloebit/connect"
	"golang.org/x/oauth2"
)

// An application with users of its own shows what a server's API says of the user.
func Example() {
	connector, err := connect.New(connect.Config{
		Server: connect.Server{
			Name:     "Example",
			Endpoint: oauth2.Endpoint{AuthURL: "https://id.example/authorize", TokenURL: "https://id.example/token"},
			PKCE:     true,
		},
		ClientID: "app", ClientSecret: "secret", RedirectURL: "https://app.example/oauth/callback",
		Scopes: []connect.Scope{"profile"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/oauth/", connector.Handler())
	mux.Handle("/me", connector.Require("profile")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := connect.MustFromContext(r.Context()).HTTPClient().Get("https://api.example/me")
		if err != nil {
			connector.HandleError(w, r, err)
			return
		}
		defer resp.Body.Close()
		_, _ = io.Copy(w, resp.Body)
	})))

	page := httptest.NewRequest(http.MethodGet, "/me", nil)
	page.Header.Set("Sec-Fetch-Mode", "navigate")
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, page)
	fmt.Println(recorder.Code, recorder.Header().Get("Location"))
	// Output: 303 /oauth/connect?return_to=%2Fme
}
