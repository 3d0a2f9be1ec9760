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
	buyers    = 64  // who buy at once
	poorShare = 10  // of a hundred orders are placed by users who can pay for few
	poorHats  = 4   // that many
	badges    = 10  // of a hundred orders are for a product, which Gloebit hands out
	maxOpen   = 400 // purchases that are under way, or buyers wait
)

// product is what Gloebit hands out by itself.
const product = "badge"

// order is what a buyer orders, and what they have been told.
type order struct {
	key, user string
	twice     bool // the buyer clicks twice
	product   bool // it is for a product

	mu       sync.Mutex
	answered bool
	refused  bool
	ids      []string // of the purchase; more than one is wrong
}

// newOrders draws the orders of a torture.
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

// poorUsers is how many there are, so that about half of their orders are
// refused.
func poorUsers(orders int) int { return max(1, orders*poorShare/100/(2*poorHats)) }

// told keeps an answer.
func (o *order) told(b bought) {
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

// market is where buyers place their orders.
type market struct {
	client   *http.Client
	open     atomic.Int64 // purchases that are under way
	answered atomic.Int64 // orders
	wrong    complaints   // answers that no order should get
}

// buyAll places all orders, many at once, and returns when each is answered or
// the context has ended.
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
		clicks.Go(func() { m.insist(ctx, o) })
	}
	m.insist(ctx, o)
	clicks.Wait()
	m.answered.Add(1)
}

// insist sends an order until it is answered.
func (m *market) insist(ctx context.Context, o *order) {
	for ctx.Err() == nil {
		b, err := m.ask(ctx, o)
		if err == nil {
			o.told(b)
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
