package ledger_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// quiet is a ledger without a server, so that it runs in a synctest bubble.
type quiet struct {
	t      *testing.T
	store  *store
	goods  *goods
	log    *testkit.Log
	config ledger.Config
	ledger *ledger.Ledger
}

func (q *quiet) realm() string { return q.config.Merchant.Realm() }

func (q *quiet) key(id string) connect.Key { return connect.Key{Realm: q.realm(), ID: id} }

func newQuiet(t *testing.T, change func(*ledger.Config)) *quiet {
	t.Helper()
	q := &quiet{t: t, store: &store{Store: &ledger.MemoryStore{}}, goods: &goods{}, log: &testkit.Log{}}
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(),
	})
	require.NoError(t, err)
	q.config = ledger.Config{
		Merchant: merchant, Store: q.store, Fulfiller: q.goods, CallbackURL: "https://shop.example/hold",
		Keys:   []gloebit.Secret{key},
		Logger: slog.New(slog.NewTextHandler(q.log, nil)),
	}
	if change != nil {
		change(&q.config)
	}
	q.ledger, err = ledger.New(q.config)
	require.NoError(t, err)
	return q
}

// put writes a purchase, which is due if due is true.
func (q *quiet) put(id string, state ledger.State, due bool) {
	q.t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	p := ledger.Purchase{
		Realm: q.realm(), ID: id, UserID: "alice", Order: ledger.Order{Item: "hat", Price: 100, Quantity: 1}, State: state,
		CreatedAt: now, UpdatedAt: now,
		History: []ledger.Change{{To: state, At: now, Cause: "test"}},
	}
	if due {
		p.NextAt = now
	}
	_, _, err := q.store.Store.Create(q.t.Context(), p)
	require.NoError(q.t, err)
}

func (q *quiet) call(id, step string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	q.ledger.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path(key, q.realm(), id, step), nil))
	return recorder
}

func (q *quiet) wantState(id string, want ledger.State) ledger.Purchase {
	q.t.Helper()
	p, err := q.store.Store.Get(q.t.Context(), q.key(id))
	require.NoError(q.t, err)
	require.Equal(q.t, want, p.State, p.Cause)
	return p
}

// failingChanges makes the store fail to change a purchase, or all if id is
// empty, until the returned function is called.
func (q *quiet) failingChanges(id string) (repair func()) {
	q.store.mu.Lock()
	defer q.store.mu.Unlock()
	q.store.change = func(changed string) error {
		if id == "" || changed == id {
			return errDown
		}
		return nil
	}
	return func() {
		q.store.mu.Lock()
		defer q.store.mu.Unlock()
		q.store.change = nil
	}
}

// run runs the ledger until stop is called. stop returns when Run has returned.
func (q *quiet) run() (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.ledger.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}
