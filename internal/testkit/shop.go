package testkit

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
)

// Shop is a server on its own port that is an application of a test Gloebit.
// The users alice and bob have 1000 G$ each, and alice approves every
// authorization request.
type Shop struct {
	Gloebit *gloebittest.Server
	App     gloebittest.Application // sells a green-hat for 40 G$
	Server  *httptest.Server        // calls the handler that Serve set

	mu      sync.Mutex
	handler http.Handler
}

// NewShop starts a test Gloebit and a shop, and closes both when the test ends.
func NewShop(t testing.TB, config gloebittest.Config) *Shop {
	t.Helper()
	s := &Shop{Gloebit: gloebittest.NewServerConfig(config), handler: http.NotFoundHandler()}
	t.Cleanup(s.Gloebit.Close)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Server.Close)
	var err error
	s.App, err = s.Gloebit.AddApplication(gloebittest.Application{
		Name: "Shop", RedirectPrefixes: []string{s.Server.URL + "/"},
		Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob"} {
		if _, err := s.Gloebit.AddUser(gloebittest.User{Name: name, Balance: "1000"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Gloebit.Approve("alice"); err != nil {
		t.Fatal(err)
	}
	return s
}

// Config returns the configuration of the shop's [gloebit.Merchant].
func (s *Shop) Config() gloebit.Config {
	return gloebit.Config{
		ClientID: s.App.Key, ClientSecret: gloebit.Secret(s.App.Secret),
		RedirectURL: s.Server.URL + "/gloebit/callback",
		Provider:    gloebit.ProviderAt(s.Gloebit.URL),
	}
}

// Serve sets the handler of the shop's server.
func (s *Shop) Serve(handler http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

// ServeHTTP implements [http.Handler].
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	handler := s.handler
	s.mu.Unlock()
	handler.ServeHTTP(w, r)
}
