package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-gloebit/gloebit"
)

// Growing is a shop with a growing number of connected users, in memory.
type Growing struct {
	tokens *gloebit.MemoryTokenStore
	page   http.Handler
	users  int
}

// NewGrowing returns a shop without users.
func NewGrowing() (*Growing, error) {
	g := &Growing{tokens: &gloebit.MemoryTokenStore{}}
	merchant, err := newMerchant(gloebit.Config{User: currentUser, Tokens: g.tokens})
	if err != nil {
		return nil, err
	}
	g.page = merchant.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = lentBy(r.Context())
	}))
	return g, nil
}

// Grow connects users until the shop has that many.
func (g *Growing) Grow(users int) error {
	err := connectUsers(g.tokens, g.users, users)
	g.users = users
	return err
}

// RequestTime returns the processor time of a request through RequireGloebit,
// as the average over many random users.
func (g *Growing) RequestTime() (time.Duration, error) {
	const requests = 200_000
	names := make([]string, requests) // the same number for every size of the shop, so that they cost the same
	for i := range names {
		names[i] = userName(rand.IntN(g.users))
	}
	p, i, visit := newPage(), 0, httptest.NewRequest(http.MethodGet, shopURL+"/", nil)
	name := []string{""}
	visit.Header[userHeader] = name
	side := Side{Do: func() error {
		name[0] = names[i]
		i++
		p.reset()
		g.page.ServeHTTP(p, visit)
		if p.status != http.StatusOK {
			return fmt.Errorf("a request was answered with %d", p.status)
		}
		return nil
	}}
	cost, err := side.round(requests, processorTime)
	return cost.time, err
}
