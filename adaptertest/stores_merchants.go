package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
)

// tenant is a merchant that shares stores and user IDs with others.
type tenant struct {
	w        *world
	name     string
	merchant *gloebit.Merchant
	server   *gloebittest.Server
	account  string // the user's Gloebit account
	balance  string
	sent     *sentTokens
}

// sentTokens records the tokens that a merchant sends to its server.
type sentTokens struct {
	http.RoundTripper
	mu     sync.Mutex
	tokens map[string]bool
}

// RoundTrip implements [http.RoundTripper].
func (s *sentTokens) RoundTrip(r *http.Request) (*http.Response, error) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		s.note(token)
	}
	if r.Body != nil && strings.HasSuffix(r.URL.Path, "access-token") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		if token := form.Get("refresh_token"); token != "" {
			s.note(token)
		}
	}
	return s.RoundTripper.RoundTrip(r)
}

func (s *sentTokens) note(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = true
}

// has returns how many tokens were sent, and whether one of them belongs to
// other.
func (s *sentTokens) has(other *sentTokens) (sent int, others bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token := range s.tokens {
		others = others || other.tokens[token]
	}
	return len(s.tokens), others
}

const sharedUser = "17" // the ID of a user of every tenant

// tenants are three merchants: two at one Gloebit and one at another, such
// as the sandbox. The third has the configuration of the first except for the
// server.
func (w *world) tenants() []*tenant {
	w.Helper()
	sandbox := gloebittest.NewServerConfig(gloebittest.Config{RefreshTokens: true})
	w.Cleanup(sandbox.Close)
	_, err := sandbox.AddUser(gloebittest.User{Name: "alice", Balance: "7"})
	w.ok(err)
	w.ok(w.gloebit.AddBalance("bob", "234"))
	var all []*tenant
	for i, n := range []*tenant{
		{name: "the first", server: w.gloebit, account: "alice", balance: "1000"},
		{name: "the second", server: w.gloebit, account: "bob", balance: "1234"},
		{name: "the sandbox's", server: sandbox, account: "alice", balance: "7"},
	} {
		key := []string{"one", "two", "one"}[i]
		app, err := n.server.AddApplication(gloebittest.Application{
			Name: n.name, Key: key, Secret: "the secret of " + key, RedirectPrefixes: []string{"https://shop.example/"},
		})
		w.ok(err)
		n.w, n.sent = w, &sentTokens{RoundTripper: w.wire, tokens: map[string]bool{}}
		store := w.stores.Processes[i%len(w.stores.Processes)]
		n.merchant, err = gloebit.New(gloebit.Config{
			ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret), RedirectURL: "https://shop.example/gloebit/callback",
			Provider: gloebit.ProviderAt(n.server.URL), Tokens: store.Tokens, States: store.States, Realm: "copied/" + key,
			User:       func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: sharedUser}, nil },
			Scopes:     []gloebit.Scope{gloebit.ScopeUser, gloebit.ScopeBalance},
			HTTPClient: &http.Client{Transport: n.sent},
			Logger:     slog.New(slog.NewTextHandler(&w.recorder.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		w.ok(err)
		all = append(all, n)
	}
	return all
}

// start starts a connection and returns the callback URL and the cookies.
func (n *tenant) start() (*url.URL, []*http.Cookie) {
	n.w.Helper()
	n.w.ok(n.server.Approve(n.account))
	begun := httptest.NewRecorder()
	n.merchant.Handler().ServeHTTP(begun, httptest.NewRequest(http.MethodGet, "https://shop.example/gloebit/connect", nil))
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request, err := http.NewRequestWithContext(n.w.Context(), http.MethodGet, begun.Header().Get("Location"), nil)
	n.w.ok(err)
	approved, err := (&http.Client{Transport: n.w.wire, CheckRedirect: stay}).Do(request)
	n.w.ok(err)
	approved.Body.Close()
	back, err := approved.Location()
	n.w.ok(err)
	return back, begun.Result().Cookies()
}

// comeBack loads the callback URL and returns the status.
func (n *tenant) comeBack(back *url.URL, cookies []*http.Cookie) int {
	n.w.Helper()
	r := httptest.NewRequest(http.MethodGet, back.String(), nil)
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	done := httptest.NewRecorder()
	n.merchant.Handler().ServeHTTP(done, r)
	return done.Code
}

// works asserts that the user has the balance of this merchant's account.
func (n *tenant) works() {
	n.w.Helper()
	client, err := n.merchant.Client(n.w.Context(), sharedUser)
	if err == nil {
		var balance gloebit.Amount
		balance, err = client.Balance(n.w.Context())
		n.w.equal("the balance of the user of "+n.name, balance.String(), n.balance)
	}
	n.w.ok(err)
}

// gone asserts that the user is not connected.
func (n *tenant) gone() {
	n.w.Helper()
	if _, err := n.merchant.Client(n.w.Context(), sharedUser); !errors.Is(err, gloebit.ErrNotConnected) {
		n.w.Errorf("the user of %s: %v, want ErrNotConnected", n.name, err)
	}
}

func merchantsShareTheStores(w *world) {
	all := w.tenants()
	first, second, sandbox := all[0], all[1], all[2]
	tokens := w.stores.Processes[0].Tokens
	unknown := connect.Key{Realm: "gone.example/unused", ID: sharedUser}
	canary := connect.Credential{
		AccessToken: "a-token-of-a-realm-that-nothing-serves", RefreshToken: "and-its-refresh-token",
	}
	w.ok(tokens.Update(w.Context(), unknown, func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &canary, nil
	}))
	w.recorder.addSecret("the access token of an unknown realm", canary.AccessToken.Reveal())
	w.recorder.addSecret("the refresh token of an unknown realm", canary.RefreshToken.Reveal())

	for i, n := range all {
		back, cookies := n.start()
		for _, other := range all { // a state of another merchant is refused, and stays unused
			if _, others := other.start(); other != n {
				w.equal("the status at "+other.name, other.comeBack(back, append(others, cookies...)), http.StatusBadRequest)
			}
		}
		w.ok(n.server.Approve(n.account))
		w.equal("the status at "+n.name, n.comeBack(back, cookies), http.StatusSeeOther)
		for j, other := range all {
			if j <= i {
				other.works()
			} else {
				other.gone()
			}
		}
	}
	for range 2 {
		for _, n := range all {
			n.server.ExpireTokens(n.account)
		}
		for _, n := range all {
			n.works() // with a refreshed token
		}
	}
	sandbox.server.RevokeTokens(sandbox.account)
	client, err := sandbox.merchant.Client(w.Context(), sharedUser)
	w.ok(err)
	if _, err := client.Balance(w.Context()); !errors.Is(err, gloebit.ErrNotConnected) {
		w.Errorf("the balance with a token that was revoked: %v, want ErrNotConnected", err)
	}
	sandbox.gone()
	first.works()
	second.works()
	w.ok(second.merchant.Disconnect(w.Context(), sharedUser))
	second.gone()
	first.works()

	for _, n := range all {
		for _, other := range all {
			if sent, others := n.sent.has(other.sent); n != other && (sent == 0 || others) {
				w.Errorf("%s sent %d tokens, one of which %s sent: %t", n.name, sent, other.name, others)
			}
		}
	}
	kept, err := tokens.Load(w.Context(), unknown)
	w.ok(err)
	w.equal("the token of an unknown realm", kept.AccessToken, canary.AccessToken)
	if found := w.recorder.findSecrets(w.recorder.log.String()); len(found) > 0 {
		w.Errorf("the log has %v in it", found)
	}
}
