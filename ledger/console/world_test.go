package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/console"
	"github.com/stretchr/testify/require"
)

var errBroken = errors.New("the machine is on fire")

// goods delivers unless it is broken.
type goods struct{ broken bool }

func (*goods) Reserve(context.Context, ledger.Purchase) error { return nil }
func (*goods) Release(context.Context, ledger.Purchase) error { return nil }
func (g *goods) Deliver(context.Context, ledger.Purchase) error {
	if g.broken {
		return errBroken
	}
	return nil
}

// world is a console, and the ledger under it.
type world struct {
	t       *testing.T
	clock   *testkit.Clock
	store   *ledger.MemoryStore
	goods   *goods
	ledger  *ledger.Ledger
	handler http.Handler
	log     *testkit.Log
}

// newWorld makes a console whose store wrap may replace.
func newWorld(t *testing.T, wrap func(ledger.Store) ledger.Store) *world {
	t.Helper()
	w := &world{t: t, clock: testkit.NewClock(), store: &ledger.MemoryStore{}, goods: &goods{}, log: &testkit.Log{}}
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "shop", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Tokens: &gloebit.MemoryTokenStore{}, Provider: gloebit.Sandbox(),
	})
	require.NoError(t, err)
	var store ledger.Store = w.store
	if wrap != nil {
		store = wrap(store)
	}
	w.ledger, err = ledger.New(ledger.Config{
		Merchant: merchant, Store: store, Fulfiller: w.goods, Clock: w.clock.Now,
		CallbackURL: "https://shop.example/hold", Keys: []gloebit.Secret{"the first key, of 32 bytes or so"},
	})
	require.NoError(t, err)
	w.handler, err = console.New(console.Config{
		Ledger: w.ledger, Authorize: authorize, Clock: w.clock.Now, Timeout: 200 * time.Millisecond, Logger: w.log.Logger(),
	})
	require.NoError(t, err)
	return w
}

// authorize trusts the request's own claim, as only tests may.
func authorize(r *http.Request) console.Operator {
	name, may, _ := strings.Cut(r.Header.Get("Operator"), ":")
	return console.Operator{Name: name, May: map[string]console.Permission{"read": console.Read, "act": console.Act}[may]}
}

// put writes a purchase.
func (w *world) put(id string, state ledger.State, edit func(*ledger.Purchase)) ledger.Purchase {
	w.t.Helper()
	now := w.clock.Now()
	p := ledger.Purchase{
		Realm: w.ledger.Realm(), ID: id, UserID: "alice", GloebitID: "g-alice", State: state, CreatedAt: now, UpdatedAt: now,
		Order:   ledger.Order{Item: "hat", Price: 100, Quantity: 1},
		History: []ledger.Change{{To: state, At: now, Cause: "ordered"}},
	}
	if edit != nil {
		edit(&p)
	}
	kept, _, err := w.store.Create(w.t.Context(), p)
	require.NoError(w.t, err)
	return kept
}

// stuck writes a purchase that is stuck.
func (w *world) stuck(id string, state ledger.State) ledger.Purchase {
	w.t.Helper()
	return w.put(id, state, func(p *ledger.Purchase) { p.StuckAt, p.Cause = p.UpdatedAt, errBroken.Error() })
}

func (w *world) purchase(id string) ledger.Purchase {
	w.t.Helper()
	p, err := w.ledger.Get(w.t.Context(), id)
	require.NoError(w.t, err)
	return p
}

// get loads a page as an operator such as "ann:act".
func (w *world) get(operator, query string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.send(
		operator, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "https://shop.example/office"+query, nil),
	)
}

func (w *world) post(operator string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(
		w.t.Context(), http.MethodPost, "https://shop.example/office", strings.NewReader(form.Encode()),
	)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return w.send(operator, r)
}

func (w *world) send(operator string, r *http.Request) *httptest.ResponseRecorder {
	r.Header.Set("Operator", operator)
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return recorder
}

// deed is a confirmed form for purchases in their current state.
func deed(act, reason string, seen ...ledger.Purchase) url.Values {
	form := url.Values{"act": {act}, "reason": {reason}}
	for _, p := range seen {
		form.Add("id", p.ID)
		form.Set("seen-"+p.ID, fmt.Sprint(p.UpdatedAt.UnixMicro()))
	}
	return form
}
