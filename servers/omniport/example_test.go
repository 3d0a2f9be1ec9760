package omniport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/servers/omniport"
	"github.com/go-gloebit/gloebit/servers/omniport/omniporttest"
	"golang.org/x/oauth2"
)

// A page shows what Omniport says of the user.
func Example() {
	server := omniporttest.New(nil) // with https://channeli.in, leave these lines out
	at := httptest.NewServer(server)
	defer at.Close()
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	defer site.Close()
	server.AddApplication(omniporttest.Application{
		ClientID: "MY_CLIENT_ID", ClientSecret: "MY_CLIENT_SECRET", RedirectURIs: []string{site.URL + "/oauth/callback"},
	})
	server.AddUser(omniport.User{
		ID:      7,
		Person:  &omniport.Person{FullName: "Ann Arbor"},
		Student: &omniport.Student{BranchName: "Engineering Physics", CurrentYear: 2},
	})
	server.Approve("7")

	connector, err := connect.New(connect.Config{
		Server:       omniport.Server(at.URL),
		ClientID:     "MY_CLIENT_ID",
		ClientSecret: "MY_CLIENT_SECRET",
		RedirectURL:  site.URL + "/oauth/callback",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux.Handle("/oauth/", connector.Handler())
	mux.Handle("/me", connector.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, err := omniport.NewClient(connect.MustFromContext(r.Context())).User(r.Context())
		if err != nil {
			connector.HandleError(w, r, err)
			return
		}
		fmt.Fprint(w, user.Name())
		if user.Student != nil {
			fmt.Fprintf(w, " studies %s, year %d", user.Student.BranchName, user.Student.CurrentYear)
		}
	})))

	jar, _ := cookiejar.New(nil)
	fmt.Println(get(&http.Client{Jar: jar}, site.URL+"/me"))
	// Output: Ann Arbor studies Engineering Physics, year 2
}

// get loads a page as a browser does.
func get(browser *http.Client, target string) string {
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Accept", "text/html")
	resp, err := browser.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body := make([]byte, 200)
	n, _ := resp.Body.Read(body)
	return string(body[:n])
}

// The authorization request and the callback of Omniport's walkthrough, without
// the middleware. The application has to keep and check the state itself.
func ExampleServer_authorisationRequest() {
	config := oauth2.Config{
		ClientID:    "MY_CLIENT_ID",
		RedirectURL: "https://app.example/REDIRECT_URL",
		Endpoint:    omniport.Server("https://channeli.in").Endpoint,
	}
	fmt.Println(strings.ReplaceAll(config.AuthCodeURL("RANDOM_STATE_STRING"), "&", "\n&"))

	// REDIRECT_URL?code=AUTHORISATION_CODE&state=RANDOM_STATE_STRING
	callback, _ := url.Parse("https://app.example/REDIRECT_URL?code=AUTHORISATION_CODE&state=RANDOM_STATE_STRING")
	fmt.Println(callback.Query().Get("code"), callback.Query().Get("state"))
	// Output:
	// https://channeli.in/oauth/authorise/?client_id=MY_CLIENT_ID
	// &redirect_uri=https%3A%2F%2Fapp.example%2FREDIRECT_URL
	// &response_type=code
	// &state=RANDOM_STATE_STRING
	// AUTHORISATION_CODE RANDOM_STATE_STRING
}

// The token request of Omniport's walkthrough, with its two answers.
func ExampleServer_tokenRequest() {
	server := omniporttest.New(nil)
	server.Inject("/open_auth/token/", 1, oauthtest.JSON(http.StatusOK, `{
		"access_token": "vqygrcouTuyAYHZLz3rGcZf5FpPd3K",
		"expires_in": 36000,
		"token_type": "Bearer",
		"scope": "read write",
		"refresh_token": "BbVJsFL1Ks5LkXDe9ZFUIFvIzXKt9M"
	}`))
	server.Inject("/open_auth/token/", 1, oauthtest.JSON(http.StatusBadRequest, `{
		"error": "some_error_message"
	}`))
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{
		Transport: oauthtest.Transport{Handler: server},
	})

	config := oauth2.Config{
		ClientID:     "MY_CLIENT_ID",
		ClientSecret: "MY_CLIENT_SECRET",
		RedirectURL:  "https://app.example/REDIRECT_URL",
		Endpoint:     omniport.Server("https://channeli.in").Endpoint,
	}
	token, err := config.Exchange(ctx, "AUTHORISATION_CODE")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("access_token: ", token.AccessToken)
	fmt.Println("expires_in:   ", token.ExpiresIn)
	fmt.Println("token_type:   ", token.TokenType)
	fmt.Println("scope:        ", token.Extra("scope"))
	fmt.Println("refresh_token:", token.RefreshToken)

	_, err = config.Exchange(ctx, "AUTHORISATION_CODE")
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		fmt.Println("error:        ", refused.ErrorCode)
	}
	fmt.Println(strings.ReplaceAll(server.Requests("/open_auth/token/")[0].Form.Encode(), "&", "\n&"))
	// Output:
	// access_token:  vqygrcouTuyAYHZLz3rGcZf5FpPd3K
	// expires_in:    36000
	// token_type:    Bearer
	// scope:         read write
	// refresh_token: BbVJsFL1Ks5LkXDe9ZFUIFvIzXKt9M
	// error:         some_error_message
	// client_id=MY_CLIENT_ID
	// &client_secret=MY_CLIENT_SECRET
	// &code=AUTHORISATION_CODE
	// &grant_type=authorization_code
	// &redirect_uri=https%3A%2F%2Fapp.example%2FREDIRECT_URL
}
