package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

// The shop is a child process: this program, with a plan in its environment.
const planVariable = "GLOEBIT_TORTURE_SHOP"

// tryFor is the ledger's Config.StepTimeout. What was cut off is picked up
// after twice that.
const tryFor = time.Second

// retryAfter is the ledger's Config.RetryAfter, and maxRetry what it grows to.
const (
	retryAfter = 50 * time.Millisecond
	maxRetry   = 64 * retryAfter
)

// holdPath is where the shop takes Gloebit's callbacks. The host of their URLs
// stands for whatever address the shop has at the time.
const (
	holdPath = "/gloebit/hold/"
	holdURL  = "http://127.0.0.1/gloebit/hold"
)

// shopPlan is what a shop is told when it starts.
type shopPlan struct {
	Place        place
	GloebitURL   string
	ClientID     string
	ClientSecret string // as text, since a gloebit.Secret would not say it
	Key          string
	Seed, Life   uint64
	Declines     bool          // its Fulfiller declines some purchases
	Faulty       bool          // its Fulfiller fails now and then
	Outages      bool          // and so does its store
	Broken       string        // its Fulfiller is wrong: loses, doubles or fails
	StuckAfter   time.Duration // the ledger's
	Ahead        time.Duration // how far its clock is ahead
	Log          bool
}

// environment is the child's environment.
func (p shopPlan) environment() ([]string, error) {
	text, err := json.Marshal(p)
	return append(os.Environ(), planVariable+"="+string(text)), err
}

// shopWanted reports whether this process is to be a shop.
func shopWanted() bool { return os.Getenv(planVariable) != "" }

// runShop is the shop: it tells its address and serves until in ends. Then it
// finishes what it holds. A line on in ends its faults.
func runShop(in io.Reader, out io.Writer) error {
	var plan shopPlan
	if err := json.Unmarshal([]byte(os.Getenv(planVariable)), &plan); err != nil {
		return err
	}
	s, err := newShop(plan)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() { _ = server.Serve(listener) })
	group.Go(func() { _ = s.purchases.Run(ctx) })
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		s.calmDown()
	}
	// Connections that have sent nothing yet would be waited for, for long.
	shutting, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	if server.Shutdown(shutting) != nil {
		_ = server.Close()
	}
	cancel()
	group.Wait()
	return nil
}

type shop struct {
	merchant  *gloebit.Merchant
	purchases *ledger.Ledger
	warehouse *warehouse
	outage    *outage // nil without outages
}

func (s *shop) calmDown() {
	s.warehouse.calmDown()
	if s.outage != nil {
		s.outage.calmDown()
	}
}

func newShop(plan shopPlan) (*shop, error) {
	db, err := plan.Place.open()
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if plan.Log {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: plan.Place.dialect()})
	if err != nil {
		return nil, err
	}
	clock := func() time.Time { return time.Now().Add(plan.Ahead) }
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: plan.ClientID, ClientSecret: gloebit.Secret(plan.ClientSecret),
		RedirectURL: "http://127.0.0.1/gloebit/callback",
		Provider:    gloebit.ProviderAt(plan.GloebitURL), Tokens: store, States: store, Clock: clock, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	s := &shop{merchant: merchant, warehouse: newWarehouse(plan, db)}
	var kept ledger.Store = sqlledger.New(store)
	if plan.Outages {
		s.outage = &outage{Store: kept, random: rand.New(rand.NewPCG(plan.Seed, plan.Life+1<<31))}
		kept = s.outage
	}
	s.purchases, err = ledger.New(ledger.Config{
		Merchant: merchant, Store: kept, Fulfiller: s.warehouse, OnChange: s.warehouse.onChange,
		CallbackURL: holdURL, Keys: []gloebit.Secret{gloebit.Secret(plan.Key)},
		StepTimeout: tryFor, RetryAfter: retryAfter, ConfirmAfter: time.Second, StuckAfter: plan.StuckAfter,
		PollInterval: 100 * time.Millisecond, Clock: clock, Logger: log,
	})
	return s, err
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(holdPath, s.purchases.Handler())
	mux.HandleFunc("POST /buy", s.buy)
	return mux
}

// bought is the answer to an order.
type bought struct {
	Purchase string // its id
	Refused  bool   // nothing is charged
}

// buy takes an order. It answers 503 when the buyer should ask again.
func (s *shop) buy(w http.ResponseWriter, r *http.Request) {
	client, err := s.merchant.Client(r.Context(), r.FormValue("user"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	order := ledger.Order{IdempotencyKey: r.FormValue("key"), Item: "hat", Price: price, Quantity: 1}
	if r.FormValue("product") != "" {
		order.Item, order.Product = "", product
	}
	p, err := s.purchases.Purchase(r.Context(), client, order)
	refused, canceled := errors.Is(err, gloebit.ErrInsufficientBalance), errors.Is(err, ledger.ErrCanceled)
	switch {
	case errors.Is(err, gloebit.ErrStore), errors.Is(err, gloebit.ErrNotConnected):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil && !refused && !canceled:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(bought{p.ID, refused})
	}
}
