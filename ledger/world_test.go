package ledger_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const key = gloebit.Secret("the first key, of 32 bytes or so")

var errDown = errors.New("the database is down")

// world is a Gloebit whose queue runs only when a test settles it, and a shop
// with a ledger that Gloebit can call.
type world struct {
	t       *testing.T
	clock   *testkit.Clock
	gloebit *gloebittest.Server
	app     gloebittest.Application
	tokens  *gloebit.MemoryTokenStore
	shop    *testkit.Shop
	store   *store
	goods   *goods
	ledger  *ledger.Ledger
	config  ledger.Config
	log     *testkit.Log
}

type option func(*gloebittest.Config, *ledger.Config)

func queue(q gloebittest.Queue) option {
	return func(c *gloebittest.Config, _ *ledger.Config) { c.Queue = q }
}

func newWorld(t *testing.T, options ...option) *world {
	t.Helper()
	w := &world{
		t: t, clock: testkit.NewClock(), tokens: &gloebit.MemoryTokenStore{}, log: &testkit.Log{},
		store: &store{Store: &ledger.MemoryStore{}}, goods: &goods{},
	}
	provider := gloebittest.Config{Clock: w.clock.Now}
	w.config = ledger.Config{
		Store: w.store, Fulfiller: w.goods, Keys: []gloebit.Secret{key}, Clock: w.clock.Now,
		Logger: w.log.Logger(),
	}
	for _, change := range options {
		change(&provider, &w.config)
	}
	provider.Queue.Manual = true
	w.shop = testkit.NewShop(t, provider)
	w.gloebit, w.app = w.shop.Gloebit, w.shop.App
	w.open()
	w.config.CallbackURL = w.shop.Server.URL + "/gloebit/hold"
	w.start()
	return w
}

// open connects the users and makes the merchant.
func (w *world) open() {
	w.t.Helper()
	var err error
	w.config.Merchant, err = gloebit.New(w.merchant())
	require.NoError(w.t, err)
	for _, name := range []string{"alice", "bob"} {
		w.connect(name)
	}
}

// key is the key of a user's credential.
func (w *world) key(name string) connect.Key {
	return connect.Key{Realm: w.config.Merchant.Realm(), ID: name}
}

// merchant is the configuration of the shop.
func (w *world) merchant() gloebit.Config {
	config := w.shop.Config()
	config.Tokens, config.Clock = w.tokens, w.clock.Now
	return config
}

// start starts the shop with a new ledger on the same store, as a restart does.
func (w *world) start() {
	w.t.Helper()
	var err error
	w.ledger, err = ledger.New(w.config)
	require.NoError(w.t, err)
	w.serve(w.ledger.Handler())
}

func (w *world) serve(handler http.Handler) {
	mux := http.NewServeMux()
	mux.Handle("/gloebit/hold/", handler)
	w.shop.Serve(mux)
}

// connect gives a user a new token.
func (w *world) connect(name string) { w.t.Helper(); w.save(name, name, "", time.Time{}) }

// connectAs connects a user with an account whose ID Gloebit returns.
func (w *world) connectAs(name, account string) {
	w.t.Helper()
	w.save(name, account, "g-"+account, time.Time{})
}

// connectAt connects a user at a time.
func (w *world) connectAt(name string, at time.Time) {
	w.t.Helper()
	w.save(name, name, "g-"+name, at)
}

func (w *world) save(name, account, id string, at time.Time) {
	w.t.Helper()
	token, err := w.gloebit.IssueToken(w.app.Key, account, "transact", "balance")
	require.NoError(w.t, err)
	credential := connect.Credential{
		AccessToken: gloebit.Secret(token), Subject: id, ConnectedAt: at,
		Scopes: []gloebit.Scope{gloebit.ScopeTransact, gloebit.ScopeBalance},
	}
	require.NoError(w.t, w.tokens.Update(w.t.Context(), w.key(name), func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		return &credential, nil
	}))
}

func (w *world) realm() string { return w.config.Merchant.Realm() }

func (w *world) client(name string) *gloebit.Client {
	w.t.Helper()
	client, err := w.config.Merchant.Client(w.t.Context(), name)
	require.NoError(w.t, err)
	return client
}

var hat = ledger.Order{Item: "hat", Price: 100, Quantity: 1}

// keyed gives an order without a key a new one.
func keyed(order ledger.Order) ledger.Order {
	if order.IdempotencyKey == "" {
		order.IdempotencyKey = uuid.NewString()
	}
	return order
}

func (w *world) buy(order ledger.Order) (ledger.Purchase, error) {
	w.t.Helper()
	return w.ledger.Purchase(w.t.Context(), w.client("alice"), keyed(order))
}

func (w *world) bought(order ledger.Order) ledger.Purchase {
	w.t.Helper()
	p, err := w.buy(order)
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

func (w *world) wantState(id string, want ledger.State) ledger.Purchase {
	w.t.Helper()
	p := w.get(id)
	require.Equal(w.t, want, p.State, "history: %v, cause: %q", p.History, p.Cause)
	return p
}

// put writes a purchase directly in a state.
func (w *world) put(id string, state ledger.State) ledger.Purchase {
	w.t.Helper()
	now := w.clock.Now()
	p, _, err := w.store.Store.Create(w.t.Context(), ledger.Purchase{
		Realm: w.realm(), ID: id, UserID: "alice", Order: ledger.Order{Item: "hat", Price: 100, Quantity: 1}, State: state,
		CreatedAt: now, UpdatedAt: now,
		History: []ledger.Change{{To: state, At: now, Cause: "test"}},
	})
	require.NoError(w.t, err)
	return p
}

// makeDue makes a purchase due in the next pass.
func (w *world) makeDue(id string) {
	w.t.Helper()
	w.change(id, func(p *ledger.Purchase) { p.NextAt = w.clock.Now() })
}

// change changes a purchase without the ledger, as another replica does.
func (w *world) change(id string, edit func(*ledger.Purchase)) {
	w.t.Helper()
	_, err := w.store.Store.Change(w.t.Context(), w.key(id), func(
		_ context.Context, p ledger.Purchase,
	) (ledger.Purchase, error) {
		edit(&p)
		return p, nil
	})
	require.NoError(w.t, err)
}

// path is the path of a callback below CallbackURL, signed as documented.
func path(key gloebit.Secret, realm, id, step string) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte("gloebit ledger hold URL\n" + realm + "\n" + id + "\n" + step))
	return "/" + id + "/" + step + "/" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// call makes a callback, as Gloebit does, and returns the status and body.
func (w *world) call(id, step string) (int, string) {
	w.t.Helper()
	return w.request(http.MethodGet, w.config.CallbackURL+path(key, w.realm(), id, step))
}

func (w *world) request(method, url string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, url, nil)
	require.NoError(w.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	if resp.StatusCode == http.StatusOK {
		require.Equal(w.t, "application/json", resp.Header.Get("Content-Type"))
	}
	return resp.StatusCode, strings.TrimSpace(string(body))
}

func (w *world) wantAnswer(id, step string, status int, body string) {
	w.t.Helper()
	gotStatus, gotBody := w.call(id, step)
	require.Equal(w.t, status, gotStatus, gotBody)
	require.Equal(w.t, body, gotBody)
}

// noAnswer is a fault that loses the response, after the transaction was
// processed or before. Its Retry-After keeps the client from retrying.
func noAnswer(worked bool, times int) gloebittest.Fault {
	return gloebittest.Fault{
		Path: "transact", Times: times, After: worked, Status: http.StatusServiceUnavailable,
		Header: http.Header{"Retry-After": {"60"}},
	}
}

// charged is what Gloebit has finally charged alice.
func (w *world) charged() int64 {
	var sum int64
	for _, t := range w.gloebit.Transactions() {
		if t.State == gloebittest.StateInProgress || t.State == gloebittest.StateSettled {
			sum += t.Amount
		}
	}
	return sum
}
