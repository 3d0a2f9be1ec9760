package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	price     = 10
	richUsers = 40
	buyers    = 64  // concurrent buyers
	poorShare = 10  // percent of the orders, placed by users with little money
	poorHats  = 4   // how many orders such a user can pay for
	badges    = 10  // percent of the orders, for a product that Gloebit grants
	maxOpen   = 400 // buyers wait while more purchases are unfinished
)

// product is the product that Gloebit grants to its buyers.
const product = "badge"

// order is a buyer's order and the responses to it.
type order struct {
	key, user string
	twice     bool // the buyer clicks twice
	product   bool // the order is for a product

	mu       sync.Mutex
	answered bool
	refused  bool
	ids      []string // purchase IDs in the responses; more than one is wrong unless refused
}

// newOrders returns random orders. The same seed gives the same orders.
func newOrders(many int, seed uint64) []*order {
	random := rand.New(rand.NewPCG(seed, 1))
	orders := make([]*order, many)
	for i := range orders {
		o := &order{key: fmt.Sprintf("order-%d", i+1), user: richUser(random.IntN(richUsers)), twice: random.IntN(10) == 0}
		switch {
		case i%(100/poorShare) == 0:
			o.user = poorUser(random.IntN(poorUsers(many)))
		case random.IntN(100) < fickleShare:
			o.user = fickleUser(random.IntN(fickleUsers))
		}
		o.product = random.IntN(100) < badges
		orders[i] = o
	}
	return orders
}

func richUser(i int) string { return fmt.Sprintf("rich-%d", i) }
func poorUser(i int) string { return fmt.Sprintf("poor-%d", i) }

// poorUsers returns the number of users with little money. It is chosen so that
// about half of their orders are refused.
func poorUsers(orders int) int { return max(1, orders*poorShare/100/(2*poorHats)) }

// record stores a response to the order.
func (o *order) record(b bought) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answered = true
	o.refused = o.refused || b.Refused
	for _, id := range o.ids {
		if id == b.Purchase {
			return
		}
	}
	o.ids = append(o.ids, b.Purchase)
}

// market sends the buyers' orders to the shop.
type market struct {
	client   *http.Client
	open     atomic.Int64 // unfinished purchases
	answered atomic.Int64 // answered orders
	wrong    complaints   // responses that an order must not get
}

// buyAll places all orders with concurrent buyers. It returns when each is
// answered or the context has ended.
func (m *market) buyAll(ctx context.Context, orders []*order) {
	next := make(chan *order)
	var group sync.WaitGroup
	for range buyers {
		group.Go(func() {
			for o := range next {
				m.place(ctx, o)
			}
		})
	}
	for _, o := range orders {
		next <- o
	}
	close(next)
	group.Wait()
}

func (m *market) place(ctx context.Context, o *order) {
	for m.open.Load() > maxOpen && ctx.Err() == nil {
		sleep(ctx, 10*time.Millisecond)
	}
	var clicks sync.WaitGroup
	if o.twice {
		clicks.Go(func() { m.retry(ctx, o) })
	}
	m.retry(ctx, o)
	clicks.Wait()
	m.answered.Add(1)
}

// retry sends an order until it is answered or the context has ended.
func (m *market) retry(ctx context.Context, o *order) {
	for ctx.Err() == nil {
		b, err := m.ask(ctx, o)
		if err == nil {
			o.record(b)
			return
		}
		sleep(ctx, 20*time.Millisecond)
	}
}

func (m *market) ask(ctx context.Context, o *order) (b bought, err error) {
	form := url.Values{"user": {o.user}, "key": {o.key}}
	if o.product {
		form.Set("product", product)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://shop/buy", strings.NewReader(form.Encode()))
	if err != nil {
		return b, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := m.client.Do(request)
	if err != nil {
		return b, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return b, err
	}
	if response.StatusCode == http.StatusOK {
		return b, json.Unmarshal(body, &b)
	}
	if response.StatusCode != http.StatusServiceUnavailable {
		m.wrong.add("order %s: status %d: %s", o.key, response.StatusCode, body)
	}
	return b, fmt.Errorf("status %d: %s", response.StatusCode, body)
}
