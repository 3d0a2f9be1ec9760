package drivertest_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

var ordered = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

func purchase(i int, state ledger.State) ledger.Purchase {
	return ledger.Purchase{
		Realm: realm, ID: fmt.Sprintf("00000000-0000-7000-8000-%012d", i), UserID: "u",
		Order: ledger.Order{Item: "hat", Price: 10, Quantity: 1},
		State: state, NextAt: ordered, CreatedAt: ordered, UpdatedAt: ordered,
		History: []ledger.Change{{To: state, At: ordered, Cause: "test"}},
	}
}

// settled returns n purchases that are paid.
func settled(n int) (purchases []ledger.Purchase) {
	for i := range n {
		purchases = append(purchases, purchase(i, ledger.Settled))
	}
	return purchases
}

func created(t *testing.T, store ledger.Store, purchases ...ledger.Purchase) {
	t.Helper()
	for _, p := range purchases {
		_, _, err := store.Create(t.Context(), p)
		require.NoError(t, err)
	}
}

// createdTogether is created for many purchases. It stores eight at a time, for
// which a server waits for its disk once.
func createdTogether(t *testing.T, store ledger.Store, purchases []ledger.Purchase) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for _, p := range purchases {
		group.Go(func() error {
			_, _, err := store.Create(t.Context(), p)
			return err
		})
	}
	require.NoError(t, group.Wait())
}

func wantEachOnce(t *testing.T, d database, what string, many int) {
	t.Helper()
	counts := noted(t, d, what)
	require.Len(t, counts, many, what)
	for id, n := range counts {
		require.Equal(t, 1, n, "%s was %s %d times", id, what, n)
	}
}

// TestKilledShopsDeliverExactlyOnce kills shops that deliver: some before a
// written delivery is committed, others at any time. Between the kills,
// deliveries fail and panic after they have written.
func TestKilledShopsDeliverExactlyOnce(t *testing.T) {
	each(t, withWAL, func(t *testing.T, d database) {
		const many, rounds = 80, 10
		store := d.store(t)
		createdTogether(t, store, settled(many))
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		clock := ordered
		for round := range rounds {
			clock = clock.Add(time.Hour)
			plan := shopPlan{Clock: clock, Deliver: true}
			if round%2 == 0 {
				plan.Halt = 1 + random.IntN(8)
			}
			s := startShop(t, d, plan)
			if plan.Halt > 0 {
				s.lines.Scan() // it blocks, or has nothing left to do
			} else {
				<-time.After(time.Duration(random.IntN(20_000)) * time.Microsecond)
			}
			s.kill()
		}
		early := len(noted(t, d, "delivered"))
		require.Positive(t, early, "the shops have delivered some before they were killed")
		t.Logf("%d of %d were delivered by shops that were killed", early, many)
		for range 5 {
			clock = clock.Add(24 * time.Hour)
			require.NoError(t, newLedger(store, &warehouse{}, clock).Reconcile(t.Context()))
		}
		delivered, err := store.List(t.Context(), ledger.Query{Realm: realm, States: []ledger.State{ledger.Delivered}})
		require.NoError(t, err)
		require.Len(t, delivered, many)
		wantEachOnce(t, d, "delivered", many)
	})
}

// TestTwoProcessesWithTheSameCallbacksDeliverOnce sends every callback to two
// processes at once, as Gloebit does when it repeats a callback. It sends more of
// them with GLOEBIT_TEST_LONG=1.
func TestTwoProcessesWithTheSameCallbacksDeliverOnce(t *testing.T) {
	each(t, withWAL, func(t *testing.T, d database) {
		many := 50
		if os.Getenv("GLOEBIT_TEST_LONG") == "1" {
			many = map[sqlstore.Dialect]int{sqlstore.SQLite: 50, sqlstore.MySQL: 250, sqlstore.Postgres: 1000}[d.dialect]
		}
		store := d.store(t)
		shops := []*shop{startShop(t, d, shopPlan{}), startShop(t, d, shopPlan{})}
		numbers := make(chan int)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for i := range numbers {
					callTwice(t, store, shops, purchase(i, ledger.Accepted))
				}
			})
		}
		for i := range many {
			numbers <- i
		}
		close(numbers)
		group.Wait()
		wantEachOnce(t, d, "reserved", many)
		wantEachOnce(t, d, "delivered", many)
		wantHistories(t, store, many)
	})
}

// callTwice makes a purchase, and sends both of its callbacks to every shop,
// all four at once.
func callTwice(t *testing.T, store *shopStore, shops []*shop, p ledger.Purchase) {
	p.NextAt = time.Time{}
	if _, _, err := store.Create(t.Context(), p); err != nil {
		t.Error(err)
		return
	}
	var group sync.WaitGroup
	for _, shop := range shops {
		for _, step := range []string{"enact", "consume"} {
			group.Go(func() {
				status, body := get(t, shop.url+callback(p.ID, step))
				if status != http.StatusOK || body != "[true]" {
					t.Errorf("%s was answered %d %s", step, status, body)
				}
			})
		}
	}
	group.Wait()
}

func get(t *testing.T, url string) (status int, body string) {
	response, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(text)
}

// wantHistories fails unless every purchase made each step once.
func wantHistories(t *testing.T, store ledger.Store, many int) {
	t.Helper()
	all, err := store.List(t.Context(), ledger.Query{Realm: realm, Limit: many})
	require.NoError(t, err)
	require.Len(t, all, many)
	for _, p := range all {
		steps := []ledger.State{}
		for _, change := range p.History {
			steps = append(steps, change.To)
		}
		if len(steps) == 3 { // consume came before enact
			require.Equal(t, []ledger.State{ledger.Accepted, ledger.Settled, ledger.Delivered}, steps)
			continue
		}
		require.Equal(t, []ledger.State{ledger.Accepted, ledger.Reserved, ledger.Settled, ledger.Delivered}, steps)
	}
}
