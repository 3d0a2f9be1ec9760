package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

const signingKey = "a signing key that has more than 32 bytes"

// world is a shop with a ledger beside a test Gloebit, and its operator.
type world struct {
	t        *testing.T
	now      time.Time
	gloebit  *gloebittest.Server
	site     *httptest.Server
	loopback string       // where login may be redirected
	handler  http.Handler // of the site; set before it is visited
	merchant *gloebit.Merchant
	store    *sqlstore.Store
	books    *sqlledger.Store
	ledger   *ledger.Ledger
	goods    *goods
	env      map[string]string // the operator's
	secrets  []string          // that no output may hold
}

// goods is a warehouse.
type goods struct {
	mu     sync.Mutex
	broken bool
	calls  []string

	onReserve func()
}

func (g *goods) note(call string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken {
		return errors.New("the warehouse is closed")
	}
	g.calls = append(g.calls, call)
	if call == "reserve" && g.onReserve != nil {
		g.onReserve()
	}
	return nil
}

func (g *goods) Reserve(context.Context, ledger.Purchase) error { return g.note("reserve") }
func (g *goods) Deliver(context.Context, ledger.Purchase) error { return g.note("deliver") }
func (g *goods) Release(context.Context, ledger.Purchase) error { return g.note("release") }

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) { w.handler.ServeHTTP(rw, r) }

// newWorld makes a shop in a database, with its tables.
func newWorld(t *testing.T, database string) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC), goods: &goods{}}
	w.gloebit = gloebittest.NewServerConfig(gloebittest.Config{Clock: w.clock, Queue: gloebittest.Queue{Manual: true}})
	t.Cleanup(w.gloebit.Close)
	w.site = httptest.NewServer(w)
	t.Cleanup(w.site.Close)
	free := must(net.Listen("tcp", "127.0.0.1:0"))
	w.loopback = "http://" + free.Addr().String() + "/callback"
	require.NoError(t, free.Close())
	app := must(w.gloebit.AddApplication(gloebittest.Application{
		Name: "Shop", RedirectPrefixes: []string{w.site.URL, w.loopback},
	}))
	must(w.gloebit.AddUser(gloebittest.User{Name: "alice", Balance: "1000"}))
	w.env = map[string]string{
		"GLOEBIT_DATABASE": database, "GLOEBIT_CLIENT_ID": app.Key, "GLOEBIT_CLIENT_SECRET": app.Secret,
		"GLOEBIT_SERVER":       w.gloebit.URL,
		"GLOEBIT_REDIRECT_URL": w.site.URL + "/gloebit/callback", "GLOEBIT_CALLBACK_URL": w.site.URL + "/gloebit/hold",
		"GLOEBIT_SIGNING_KEYS": strings.ReplaceAll(signingKey, " ", "-"), "USER": "olga",
	}
	w.secrets = []string{app.Secret, w.env["GLOEBIT_SIGNING_KEYS"]}
	w.succeeds("migrate")
	dialect, db, err := parseDatabase(database)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w.store = must(sqlstore.New(sqlstore.Config{DB: db, Dialect: dialect, Clock: w.clock}))
	w.books = sqlledger.New(w.store)
	w.merchant = must(gloebit.New(gloebit.Config{
		ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret), RedirectURL: w.env["GLOEBIT_REDIRECT_URL"],
		Provider: gloebit.ProviderAt(w.gloebit.URL), Tokens: w.store, States: w.store,
	}))
	w.ledger = must(ledger.New(ledger.Config{
		Merchant: w.merchant, Store: w.books, Fulfiller: w.goods, Clock: w.clock, CallbackURL: w.env["GLOEBIT_CALLBACK_URL"],
		Keys: []gloebit.Secret{gloebit.Secret(w.env["GLOEBIT_SIGNING_KEYS"])}, RetryAfter: time.Second,
	}))
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", w.merchant.Handler())
	mux.Handle("/gloebit/hold/", w.ledger.Handler())
	w.handler = mux
	token := must(w.gloebit.IssueToken(app.Key, "alice", "transact", "balance"))
	w.secrets = append(w.secrets, token)
	key := connect.Key{Realm: w.merchant.Realm(), ID: "alice"}
	require.NoError(t, w.store.Update(t.Context(), key, func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: gloebit.Secret(token), Scopes: []gloebit.Scope{
			gloebit.ScopeTransact, gloebit.ScopeBalance,
		}}, nil
	}))
	return w
}

func (w *world) clock() time.Time { return w.now }

// result is what a run of the command has printed.
type result struct {
	code     int
	out, log string
}

// runs runs the command without a terminal, and checks that it prints no secret.
func (w *world) runs(args ...string) result { return w.typing("", args...) }

// typing runs the command on a terminal, unless the answer is empty.
func (w *world) typing(answer string, args ...string) result {
	w.t.Helper()
	var out, log bytes.Buffer
	a := &app{
		in: strings.NewReader(answer), out: &out, log: &log, getenv: func(name string) string { return w.env[name] },
		now: w.clock, canAsk: answer != "",
	}
	code := a.run(w.t.Context(), args)
	w.wantNoSecret(out.String() + log.String())
	return result{code, out.String(), log.String()}
}

// wantNoSecret checks that a text holds no secret, in any form.
func (w *world) wantNoSecret(text string) {
	w.t.Helper()
	for _, secret := range w.secrets {
		for _, form := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)),
			base64.RawURLEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret)),
		} {
			require.NotContains(w.t, text, form)
		}
	}
}

// succeeds returns the output of a command that must not fail.
func (w *world) succeeds(args ...string) string {
	w.t.Helper()
	got := w.runs(args...)
	require.Zero(w.t, got.code, "%s%s", got.out, got.log)
	return got.out
}

func (w *world) buy(key string) ledger.Purchase {
	w.t.Helper()
	client := must(w.merchant.Client(w.t.Context(), "alice"))
	p, err := w.ledger.Purchase(w.t.Context(), client, ledger.Order{
		IdempotencyKey: key, Item: "green-hat", Price: 40, Quantity: 1,
	})
	require.NoError(w.t, err)
	return p
}

func (w *world) settle() {
	w.t.Helper()
	require.NoError(w.t, w.gloebit.Settle(w.t.Context()))
}

func (w *world) reconcile() {
	w.t.Helper()
	require.NoError(w.t, w.ledger.Reconcile(w.t.Context()))
}

func (w *world) get(id string) ledger.Purchase {
	w.t.Helper()
	p, err := w.ledger.Get(w.t.Context(), id)
	require.NoError(w.t, err)
	return p
}

// put writes a purchase directly in a state.
func (w *world) put(key string, state ledger.State, stuck bool, change ...func(*ledger.Purchase)) ledger.Purchase {
	w.t.Helper()
	p := ledger.Purchase{
		Realm: w.merchant.Realm(), ID: key, UserID: "alice", State: state, CreatedAt: w.now, UpdatedAt: w.now,
		Order:   ledger.Order{IdempotencyKey: key, Item: "green-hat", Price: 40, Quantity: 1},
		History: []ledger.Change{{To: state, At: w.now, Cause: "put there by a test"}},
	}
	if stuck {
		p.StuckAt, p.Cause = w.now, "Gloebit does not call back"
	}
	for _, change := range change {
		change(&p)
	}
	p, created, err := w.books.Create(w.t.Context(), p)
	require.NoError(w.t, err)
	require.True(w.t, created)
	return p
}
