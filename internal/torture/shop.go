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

// planVariable is the environment variable with a child process's shopPlan. The
// child runs this program as a shop.
const planVariable = "GLOEBIT_TORTURE_SHOP"

// tryFor is the ledger's Config.StepTimeout. The ledger resumes the step of a
// killed process after twice that time.
const tryFor = time.Second

// retryAfter is the ledger's Config.RetryAfter. maxRetry is the longest delay
// to which it grows.
const (
	retryAfter = 50 * time.Millisecond
	maxRetry   = 64 * retryAfter
)

// holdPath is the path of the callbacks that the shop receives from Gloebit.
// The host in holdURL is ignored: the fleet connects to the current addresses.
const (
	holdPath = "/gloebit/hold/"
	holdURL  = "http://127.0.0.1/gloebit/hold"
)

// shopPlan configures a shop process.
type shopPlan struct {
	Place        place
	GloebitURL   string
	ClientID     string
	ClientSecret string // a string, because a gloebit.Secret is redacted in JSON
	Key          string
	World        string // identifies the run in the responses
	Seed, Life   uint64
	Declines     bool          // the Fulfiller declines some purchases
	Faulty       bool          // the Fulfiller fails at times
	Outages      bool          // the store fails at times
	Broken       string        // how the Fulfiller is wrong: loses, doubles or fails
	StuckAfter   time.Duration // the ledger's Config.StuckAfter
	Ahead        time.Duration // how far the clock is ahead
	Log          bool
}

// environment returns the environment of the child process.
func (p shopPlan) environment() ([]string, error) {
	text, err := json.Marshal(p)
	return append(os.Environ(), planVariable+"="+string(text)), err
}

// shopWanted reports whether this process must run as a shop.
func shopWanted() bool { return os.Getenv(planVariable) != "" }

// runShop runs the shop. It writes its address to out and serves until in ends.
// Then it shuts down gracefully. A line on in ends the faults.
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
	// Shutdown would wait several seconds for a connection without a request.
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
	outage    *outage // nil unless shopPlan.Outages is set
	world     string
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
	s := &shop{merchant: merchant, warehouse: newWarehouse(plan, db), world: plan.World}
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
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(worldHeader, s.world)
		mux.ServeHTTP(w, r)
	})
}

// worldHeader is the header of a shop's responses that has its shopPlan.World.
const worldHeader = "Torture-World"

// sameWorld is an [http.RoundTripper] that returns an error for a response of
// another server: one that has got the port of a killed shop.
type sameWorld struct {
	next  http.RoundTripper
	world string
}

// RoundTrip implements [http.RoundTripper].
func (s sameWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.next.RoundTrip(r)
	if err == nil && response.Header.Get(worldHeader) != s.world {
		_ = response.Body.Close() // unread, so that the connection is not used again
		return nil, errors.New("another server has the shop's port")
	}
	return response, err
}

// bought is the response to an order.
type bought struct {
	Purchase string // the purchase ID
	Refused  bool   // nothing was charged
}

// buy accepts an order. It responds 503 if the buyer must retry.
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
