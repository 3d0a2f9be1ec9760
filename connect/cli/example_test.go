package cli_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/connect/cli"
	"golang.org/x/oauth2"
)

// A program logs its user in at a server, and calls the server's API.
func ExampleLogin_Browser() {
	at, stop := exampleServer()
	defer stop()
	dir, err := os.MkdirTemp("", "toaster")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	store := &cli.FileStore{Dir: filepath.Join(dir, "toaster")} // or cli.UserStore("toaster")
	login := cli.Login{
		Server: connect.Server{
			Name:         "Example",
			Endpoint:     oauth2.Endpoint{AuthURL: at + "/authorize", TokenURL: at + "/token"},
			PublicClient: true,
		},
		ClientID: "toaster",
		Store:    store,
		Open:     openInBrowser, // left out, the URL is written to the standard error
	}
	account, err := login.Browser(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	resp, err := account.HTTPClient().Get(at + "/me")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", body)

	_, err = login.Account(context.Background()) // the next run finds it
	fmt.Println(err)
	// Output:
	// hello, Ann
	// <nil>
}

// openInBrowser is a user who approves everything.
func openInBrowser(_ context.Context, to string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Jar: jar, Transport: transport}).Get(to)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func exampleServer() (at string, stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		back := url.Values{"code": {"code"}, "state": {r.FormValue("state")}}
		http.Redirect(w, r, r.FormValue("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"the-access-token","token_type":"bearer"}`)
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello, Ann")
	})
	server := httptest.NewServer(mux)
	return server.URL, server.Close
}
