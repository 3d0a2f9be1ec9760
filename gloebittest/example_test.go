package gloebittest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// An application is connected without a browser: the authorize request is
// granted at once, and the code in the redirect is exchanged for a token.
func Example() {
	server := gloebittest.NewServer()
	defer server.Close()
	app, err := server.AddApplication(gloebittest.Application{
		Name: "Hat shop", RedirectPrefixes: []string{"http://127.0.0.1:8080/"},
	})
	if err != nil {
		panic(err)
	}
	if _, err := server.AddUser(gloebittest.User{Name: "alice", Balance: "1000"}); err != nil {
		panic(err)
	}
	if err := server.Approve("alice"); err != nil {
		panic(err)
	}

	// What follows is what the application under test does.
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	query := url.Values{
		"client_id": {app.Key}, "response_type": {"code"}, "scope": {"balance"}, "state": {"xyz"},
		"redirect_uri": {"http://127.0.0.1:8080/callback"},
	}
	response, err := browser.Get(server.URL + "oauth2/authorize?" + query.Encode())
	if err != nil {
		panic(err)
	}
	_ = response.Body.Close()
	callback, err := response.Location()
	if err != nil {
		panic(err)
	}
	fmt.Println(callback.Path, callback.Query().Get("state"))

	response, err = http.PostForm(server.URL+"oauth2/access-token", url.Values{
		"client_id": {app.Key}, "client_secret": {app.Secret}, "grant_type": {"authorization_code"},
		"code": {callback.Query().Get("code")}, "scope": {"balance"}, "redirect_uri": {"http://127.0.0.1:8080/callback"},
	})
	if err != nil {
		panic(err)
	}
	defer func() { _ = response.Body.Close() }()
	var token struct {
		Scope string `json:"scope"`
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil {
		panic(err)
	}
	fmt.Println(token.Scope)
	// Output:
	// /callback xyz
	// balance
}

// The answer to a purchase is lost on the way. The same transaction id is sent
// again, and the user is charged once.
func ExampleGloebit_Inject() {
	server := gloebittest.NewServer()
	defer server.Close()
	app, err := server.AddApplication(gloebittest.Application{
		Name: "Hat shop", Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	if err != nil {
		panic(err)
	}
	if _, err := server.AddUser(gloebittest.User{Name: "alice", Balance: "1000"}); err != nil {
		panic(err)
	}
	token, err := server.IssueToken(app.Key, "alice", "transact")
	if err != nil {
		panic(err)
	}
	server.Inject(gloebittest.Fault{Path: "transact", Times: 1, Drop: true, After: true})

	for range 2 {
		body := `{"version": 1, "id": "order-7", "consumer-key": "` + app.Key + `", "product": "green-hat"}`
		request, err := http.NewRequest(http.MethodPost, server.URL+"transact", strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Println("no answer")
			continue
		}
		var answer struct{ Reason string }
		err = json.NewDecoder(response.Body).Decode(&answer)
		_ = response.Body.Close()
		if err != nil {
			panic(err)
		}
		fmt.Println(answer.Reason)
	}
	fmt.Println(server.Balance("alice"), server.Products(app.Key, "alice"))
	// Output:
	// no answer
	// resubmitted
	// 960 map[green-hat:1]
}

// With Queue.Manual, hold callbacks are made when the test says so.
func ExampleGloebit_Settle() {
	server := gloebittest.NewServerConfig(gloebittest.Config{Queue: gloebittest.Queue{Manual: true}})
	defer server.Close()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("called:", r.URL.Path)
		if r.URL.Path == "/enact" {
			_, _ = fmt.Fprint(w, `[false, "sold out"]`)
		}
	}))
	defer shop.Close()
	app, err := server.AddApplication(gloebittest.Application{Name: "Hat shop"})
	if err != nil {
		panic(err)
	}
	alice, err := server.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	if err != nil {
		panic(err)
	}
	token, err := server.IssueToken(app.Key, alice.ID, "transact")
	if err != nil {
		panic(err)
	}
	request := httptest.NewRequest(http.MethodPost, "/transact", strings.NewReader(`{
		"version": 1, "id": "order-8", "consumer-key": "`+app.Key+`",
		"asset-code": "castle", "gloebit-balance-change": 500,
		"asset-enact-hold-url": "`+shop.URL+`/enact", "asset-cancel-hold-url": "`+shop.URL+`/cancel"
	}`))
	request.Header.Set("Authorization", "Bearer "+token)
	server.ServeHTTP(httptest.NewRecorder(), request)

	fmt.Println("on hold:", server.Balance("alice"))
	if err := server.Settle(request.Context()); err != nil {
		panic(err)
	}
	order, _ := server.Transaction(app.Key, "order-8")
	fmt.Println(order.State, server.Balance("alice"))
	// Output:
	// on hold: 500
	// called: /enact
	// called: /cancel
	// canceled 1000
}
