package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

// options says what a torture is.
type options struct {
	purchases, kills int
	faults           faults
	place            place
	seed             uint64
	limit            time.Duration // how long it may take
	verbose          bool          // whether the ledger logs to standard error
	broken           string        // the shop's Fulfiller is wrong: loses, doubles or fails
}

// world is a torture that is under way.
type world struct {
	options
	db      *sql.DB
	store   *sqlstore.Store
	gloebit *gloebittest.Server
	app     gloebittest.Application
	courier *courier
	keeper  *keeper
	market  *market
	orders  []*order
}

// torture does it all, and returns what came of it. When its time is over it
// looks at what is there by then. The error is that it could not be done.
func torture(ctx context.Context, o options) (*verdict, error) {
	w := &world{options: o, orders: newOrders(o.purchases, o.seed), courier: newCourier(mathrand.New(mathrand.NewPCG(o.seed, 2)), o.faults.Callbacks)}
	if err := w.openShop(ctx); err != nil {
		return nil, err
	}
	defer func() { _ = w.db.Close() }()
	w.openGloebit()
	defer w.gloebit.Close()
	if err := w.admit(ctx); err != nil {
		return nil, err
	}
	defer func() { _ = w.keeper.kill() }() // unless it was stopped
	bounded, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	err := w.work(bounded)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil && bounded.Err() == nil {
		return nil, err
	}
	w.courier.late.Wait()
	w.gloebit.Close()
	if err := w.keeper.stop(); err != nil {
		return nil, fmt.Errorf("the shop's end: %w", err)
	}
	e, err := w.evidence(ctx)
	if err != nil {
		return nil, err
	}
	v := compare(e)
	v.kills, v.faults = w.keeper.kills, int(w.courier.faults.Load())
	return v, nil
}

// random is a source of chance of its own for each who needs one.
func (w *world) random(stream uint64) *mathrand.Rand {
	return mathrand.New(mathrand.NewPCG(w.seed, stream))
}

// openShop makes the tables, and a keeper for the shop.
func (w *world) openShop(ctx context.Context) (err error) {
	if w.db, err = w.place.open(); err != nil {
		return err
	}
	w.store = sqlstore.New(w.db, w.place.dialect())
	if err = w.store.Migrate(ctx); err == nil {
		_, err = w.db.ExecContext(ctx, createGoods)
	}
	if err != nil {
		_ = w.db.Close()
		return err
	}
	w.keeper = &keeper{plan: shopPlan{
		Place: w.place, Key: rand.Text() + rand.Text(), Seed: w.seed, Declines: w.faults.Shop, Faulty: w.faults.Shop,
		Broken: w.broken, StuckAfter: w.limit, Log: w.verbose,
	}}
	transport := &http.Transport{DialContext: w.keeper.dial, MaxIdleConnsPerHost: 2 * buyers}
	w.market = &market{client: &http.Client{Transport: transport, Timeout: 30 * time.Second}}
	w.courier.wire = transport
	return nil
}

// openGloebit starts a Gloebit.
func (w *world) openGloebit() {
	w.gloebit = gloebittest.NewServerConfig(gloebittest.Config{
		RequestLog: -1,
		HTTPClient: &http.Client{Transport: w.courier, Timeout: 10 * time.Second},
		Queue: gloebittest.Queue{
			EnactFirst: w.faults.Callbacks, LateEnact: w.faults.Callbacks, Shuffle: w.faults.Callbacks, Rand: w.random(3),
			Workers: 16, RetryAfter: 20 * time.Millisecond, GiveUpAfter: 24 * time.Hour,
		},
	})
}

// admit makes the application, and users who are connected to it.
func (w *world) admit(ctx context.Context) (err error) {
	if w.app, err = w.gloebit.AddApplication(gloebittest.Application{Name: "Torture"}); err != nil {
		return err
	}
	w.keeper.plan.GloebitURL, w.keeper.plan.ClientID, w.keeper.plan.ClientSecret = w.gloebit.URL, w.app.Key, w.app.Secret
	if w.faults.Cancel {
		w.courier.rollBack = func(id string) { _ = w.gloebit.CancelTransaction(w.app.Key, id) } // unless it is too late
	}
	for i := range richUsers {
		if err := w.connect(ctx, richUser(i), w.purchases*price); err != nil {
			return err
		}
	}
	for i := range poorUsers(w.purchases) {
		if err := w.connect(ctx, poorUser(i), poorHats*price); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) connect(ctx context.Context, name string, balance int) error {
	if _, err := w.gloebit.AddUser(gloebittest.User{Name: name, Balance: fmt.Sprint(balance)}); err != nil {
		return err
	}
	token, err := w.gloebit.IssueToken(w.app.Key, name, string(gloebit.ScopeTransact))
	if err != nil {
		return err
	}
	return w.store.Update(ctx, name, func(context.Context, *gloebit.Credential) (*gloebit.Credential, error) {
		return &gloebit.Credential{AccessToken: gloebit.Secret(token), Scopes: []gloebit.Scope{gloebit.ScopeTransact}}, nil
	})
}

// work has everything bought while the shop is killed, and waits until nothing
// moves any more.
func (w *world) work(ctx context.Context) error {
	if err := w.keeper.start(); err != nil {
		return err
	}
	if w.faults.Gloebit {
		inject(w.gloebit, w.random(4), &w.courier.faults)
	}
	buying, stop := context.WithCancel(ctx)
	bought := make(chan struct{})
	go w.countOpen(buying, bought)
	go func() {
		defer close(bought)
		w.market.buyAll(buying, w.orders)
	}()
	err := w.killAll(ctx, bought)
	if err == nil {
		<-bought
		err = w.calmDown()
	}
	stop()
	<-bought
	if err != nil {
		return err
	}
	return w.settle(ctx)
}

// killAll kills the shop as often as it is wanted: nine of ten times while there
// is buying, then while the rest is being picked up.
func (w *world) killAll(ctx context.Context, bought <-chan struct{}) error {
	random := w.random(5)
	marks := make([]int64, w.kills-w.kills/10)
	for i := range marks {
		marks[i] = random.Int64N(int64(w.purchases))
	}
	slices.Sort(marks)
	for _, mark := range marks {
		for w.market.answered.Load() < mark && ctx.Err() == nil {
			sleep(ctx, time.Millisecond)
		}
		sleep(ctx, time.Duration(random.Int64N(int64(50*time.Millisecond))))
		if err := w.restart(ctx); err != nil {
			return err
		}
	}
	select {
	case <-bought:
	case <-ctx.Done():
	}
	for w.keeper.kills < w.kills {
		sleep(ctx, time.Duration(random.Int64N(int64(300*time.Millisecond))))
		if err := w.restart(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) restart(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.keeper.restart()
}

// calmDown ends all faults. The shop is stopped gracefully, and started again
// as a reliable one.
func (w *world) calmDown() error {
	w.gloebit.ClearFaults()
	w.courier.calmDown()
	w.keeper.plan.Faulty = false
	return errors.Join(w.keeper.stop(), w.keeper.start())
}

// unfinished are the states from which a purchase moves on.
var unfinished = []ledger.State{ledger.Created, ledger.Accepted, ledger.Reserved, ledger.Settled, ledger.Canceled}

// countOpen tells the buyers how many purchases are under way, so that the shop
// is killed in all of its work and not mostly in taking orders.
func (w *world) countOpen(ctx context.Context, bought <-chan struct{}) {
	query := "SELECT COUNT(*) FROM gloebit_purchases WHERE state IN ('" + joined(unfinished) + "')"
	for {
		var open int64
		if err := w.db.QueryRowContext(ctx, query).Scan(&open); err == nil {
			w.market.open.Store(open)
		}
		select {
		case <-bought:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func joined(states []ledger.State) string {
	names := make([]string, len(states))
	for i, state := range states {
		names[i] = string(state)
	}
	return strings.Join(names, "', '")
}

// settle waits until nothing moves any more.
func (w *world) settle(ctx context.Context) error {
	for quiet := false; !quiet; {
		sleep(ctx, 100*time.Millisecond)
		moving, err := w.store.List(ctx, ledger.Query{States: unfinished, Limit: 1})
		if err != nil {
			return err
		}
		quiet = len(moving) == 0 && !slices.ContainsFunc(w.gloebit.Transactions(), func(t gloebittest.Transaction) bool {
			return !(&trace{transaction: &t}).over()
		})
	}
	return w.gloebit.Settle(ctx)
}

// evidence is all that is there now.
func (w *world) evidence(ctx context.Context) (e evidence, err error) {
	e = evidence{orders: w.orders, transactions: w.gloebit.Transactions(), wrong: int(w.courier.wrong.Load() + w.market.wrong.Load())}
	if e.goods, err = readGoods(ctx, w.db); err != nil {
		return e, err
	}
	query := ledger.Query{Limit: 1000}
	for {
		page, err := w.store.List(ctx, query)
		if err != nil {
			return e, err
		}
		e.purchases = append(e.purchases, page...)
		if len(page) < query.Limit {
			return e, nil
		}
		query.After = page[len(page)-1].Cursor()
	}
}
