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
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

// options configures a run.
type options struct {
	purchases, kills int // for each merchant
	merchants        int // zero means one
	faults           faults
	place            place
	seed             uint64
	limit            time.Duration // how long the run may take
	verbose          bool          // whether the ledger logs to standard error
	broken           string        // how the shop's Fulfiller is wrong: loses, doubles or fails
}

// world is the state of a run for one merchant.
type world struct {
	options
	db      *sql.DB
	store   *sqlledger.Store
	tokens  *sqlstore.Store
	gloebit *gloebittest.Server
	app     gloebittest.Application
	courier *courier
	shops   *fleet
	doorman *doorman
	market  *market
	orders  []*order
}

// torture runs all merchants concurrently and returns the sum of their
// verdicts. Each merchant has its own Gloebit, buyers and shop processes. All
// share one database, the user names, the idempotency keys of the orders and
// the key that signs the hold URLs. torture returns an error if the run could
// not be made.
func torture(ctx context.Context, o options) (*verdict, error) {
	if err := o.place.prepare(ctx); err != nil {
		return nil, err
	}
	var group sync.WaitGroup
	verdicts, errs := make([]*verdict, max(1, o.merchants)), make([]error, max(1, o.merchants))
	for i := range verdicts {
		group.Go(func() { verdicts[i], errs[i] = tortureOne(ctx, o) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, v := range verdicts[1:] {
		verdicts[0].add(v)
	}
	return verdicts[0], nil
}

// prepare creates the tables.
func (p place) prepare(ctx context.Context) error {
	db, err := p.open()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	tokens, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: p.dialect()})
	if err == nil {
		err = sqlledger.New(tokens).Migrate(ctx)
	}
	if err == nil {
		_, err = db.ExecContext(ctx, createGoods)
	}
	return err
}

// tortureOne makes the run for one merchant. If options.limit is over, it
// judges the state at that time.
func tortureOne(ctx context.Context, o options) (*verdict, error) {
	w := &world{
		options: o, orders: newOrders(o.purchases, o.seed),
		courier: newCourier(mathrand.New(mathrand.NewPCG(o.seed, 2)), o.faults.Callbacks),
	}
	if err := w.openShop(); err != nil {
		return nil, err
	}
	defer func() { _ = w.db.Close() }()
	w.openGloebit()
	defer w.gloebit.Close()
	if err := w.admit(ctx); err != nil {
		return nil, err
	}
	defer func() { _ = w.shops.kill() }() // does nothing after stop
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
	if err := w.shops.stop(); err != nil {
		return nil, fmt.Errorf("the shop's end: %w", err)
	}
	e, err := w.evidence(ctx)
	if err != nil {
		return nil, err
	}
	v := compare(e)
	v.kills, v.faults = w.shops.kills(), int(w.courier.faults.Load())
	return v, nil
}

// random returns the source of random numbers of a stream. Each part of the
// run has its own stream.
func (w *world) random(stream uint64) *mathrand.Rand {
	return mathrand.New(mathrand.NewPCG(w.seed, stream))
}

// openShop opens the store and creates the fleet and the market. It starts no
// process.
func (w *world) openShop() (err error) {
	if w.db, err = w.place.open(); err != nil {
		return err
	}
	if w.tokens, err = sqlstore.New(sqlstore.Config{DB: w.db, Dialect: w.place.dialect()}); err == nil {
		w.store = sqlledger.New(w.tokens)
	}
	if err != nil {
		_ = w.db.Close()
		return err
	}
	world := rand.Text()
	w.shops = newFleet(shopPlan{
		Place: w.place, Key: signingKey, World: world, Seed: w.seed, Declines: w.faults.Shop, Faulty: w.faults.Shop,
		Outages: w.faults.Store, Broken: w.broken, StuckAfter: w.limit, Log: w.verbose,
	}, w.faults.Clocks)
	wire := &http.Transport{DialContext: w.shops.dial, MaxIdleConnsPerHost: 2 * buyers}
	transport := sameWorld{wire, world}
	w.market = &market{client: &http.Client{Transport: transport, Timeout: 30 * time.Second}}
	w.courier.wire = transport
	return nil
}

// openGloebit starts the Gloebit server.
func (w *world) openGloebit() {
	w.gloebit = gloebittest.NewServerConfig(gloebittest.Config{
		RequestLog: -1,
		HTTPClient: &http.Client{Transport: w.courier, Timeout: 10 * time.Second},
		Queue: gloebittest.Queue{
			EnactFirst: w.faults.Callbacks, LateEnact: w.faults.Callbacks, Shuffle: w.faults.Callbacks, Rand: w.random(3),
			IgnoreAnswers: true, Workers: 16, RetryAfter: 20 * time.Millisecond, GiveUpAfter: 24 * time.Hour,
		},
	})
}

// admit creates the application and the users, and connects the users to it.
func (w *world) admit(ctx context.Context) (err error) {
	w.app, err = w.gloebit.AddApplication(gloebittest.Application{
		Name: "Torture", Products: []gloebittest.Product{{Name: product, Price: price}},
	})
	if err != nil {
		return err
	}
	w.shops.change(func(p *shopPlan) {
		p.GloebitURL, p.ClientID, p.ClientSecret = w.gloebit.URL, w.app.Key, w.app.Secret
	})
	if w.faults.Cancel {
		w.courier.rollBack = func(id string) { _ = w.gloebit.CancelTransaction(w.app.Key, id) } // fails if it is too late
	}
	w.doorman = &doorman{w.gloebit, w.app, w.tokens}
	for i := range richUsers {
		if err := w.connect(ctx, richUser(i), w.purchases*price); err != nil {
			return err
		}
	}
	for i := range fickleUsers {
		user := fickleUser(i)
		if err := errors.Join(
			w.connect(ctx, user, w.purchases*price), w.doorman.open(accountsOf(user)[1], w.purchases*price),
		); err != nil {
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
	if err := w.doorman.open(name, balance); err != nil {
		return err
	}
	return w.doorman.connect(ctx, name, name)
}

// work makes all purchases while the shop's processes are killed. Then it
// waits until all purchases are finished.
func (w *world) work(ctx context.Context) error {
	if err := w.shops.start(); err != nil {
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
	var unsettling sync.WaitGroup
	if w.faults.Users {
		unsettling.Go(func() { w.doorman.unsettleAll(buying, w.random(6)) })
	}
	err := w.killAll(ctx, bought)
	stop()
	<-bought
	unsettling.Wait()
	if err != nil {
		return err
	}
	settling, done := context.WithCancel(ctx)
	defer done()
	if w.faults.Users {
		unsettling.Go(func() { w.doorman.takeTurns(settling) })
	}
	if err = w.calmDown(ctx); err == nil {
		err = w.settle(ctx)
	}
	done()
	unsettling.Wait()
	return err
}

// killAll kills the shop's processes options.kills times. Nine of ten kills
// happen while buyers order, the others while the ledger finishes the rest.
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
		if w.shops.kills() >= len(marks) {
			break
		}
		sleep(ctx, time.Duration(random.Int64N(int64(50*time.Millisecond))))
		if err := w.restart(ctx, random, len(marks)); err != nil {
			return err
		}
	}
	select {
	case <-bought:
	case <-ctx.Done():
	}
	for w.shops.kills() < w.kills {
		sleep(ctx, time.Duration(random.Int64N(int64(300*time.Millisecond))))
		if err := w.restart(ctx, random, w.kills); err != nil {
			return err
		}
	}
	return nil
}

// realm returns the realm of the shop's merchant.
func (w *world) realm() string { return w.doorman.key("").Realm }

// signingKey is the same for all merchants, so that only the realm
// distinguishes their callbacks.
const signingKey = "a key that signs the hold URLs of every merchant"

// restart restarts one or two processes. It kills no more than most in total.
func (w *world) restart(ctx context.Context, random *mathrand.Rand, most int) error {
	if err := w.mayKill(ctx); err != nil {
		return err
	}
	defer w.courier.killed()
	return w.shops.restart(random, most-w.shops.kills())
}

// mayKill waits until no consume or cancel is only in the memory of a process.
// A kill would lose it.
func (w *world) mayKill(ctx context.Context) error {
	saved := func(id string) bool {
		p, err := w.store.Get(ctx, connect.Key{Realm: w.realm(), ID: id})
		return err == nil && (p.Paid() || p.State == ledger.Canceled || p.State == ledger.Released)
	}
	for !w.courier.mayKill(saved) && ctx.Err() == nil {
		sleep(ctx, 5*time.Millisecond)
	}
	return ctx.Err()
}

// calmDown ends all faults. It stops the shop gracefully and starts it again
// without faults. The faults end before the stop, because a callback that the
// shop can't save while it stops is lost, as with a kill.
func (w *world) calmDown(ctx context.Context) error {
	w.gloebit.ClearFaults()
	w.courier.calmDown()
	if err := w.shops.calmDown(); err != nil {
		return err
	}
	if err := w.mayKill(ctx); err != nil {
		return err
	}
	defer w.courier.killed()
	return errors.Join(w.shops.stop(), w.shops.start())
}

// unfinished are the states that are not final.
var unfinished = []ledger.State{ledger.Created, ledger.Accepted, ledger.Reserved, ledger.Settled, ledger.Canceled}

// countOpen updates the number of unfinished purchases, on which buyers wait.
// Without that limit, most kills would happen while the shop accepts orders.
func (w *world) countOpen(ctx context.Context, bought <-chan struct{}) {
	query := "SELECT COUNT(*) FROM gloebit_purchases WHERE realm = '" + w.realm() + "' AND state IN ('" +
		joined(unfinished) + "')"
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

// settle waits until all purchases, reports and transactions are finished.
func (w *world) settle(ctx context.Context) error {
	for quiet := false; !quiet; {
		sleep(ctx, 100*time.Millisecond)
		moving, err := w.store.List(ctx, ledger.Query{Realm: w.realm(), States: unfinished, Limit: 1})
		if err != nil {
			return err
		}
		reported, err := allReported(ctx, w.db, w.realm())
		if err != nil {
			return err
		}
		moves := func(t gloebittest.Transaction) bool { return !(&trace{transaction: &t}).over() }
		quiet = reported && len(moving) == 0 && !slices.ContainsFunc(w.gloebit.Transactions(), moves)
	}
	return w.gloebit.Settle(ctx)
}

// evidence collects the state of the shop and of Gloebit.
func (w *world) evidence(ctx context.Context) (e evidence, err error) {
	e = evidence{
		orders: w.orders, transactions: w.gloebit.Transactions(),
		wrong: append(w.courier.wrong.all(), w.market.wrong.all()...),
	}
	for _, user := range w.gloebit.Users() {
		e.badges += int(w.gloebit.Products(w.app.Key, user.Name)[product])
	}
	if e.goods, err = readGoods(ctx, w.db, w.app.Key); err != nil {
		return e, err
	}
	query := ledger.Query{Realm: w.realm(), Limit: 1000}
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
