package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-gloebit/gloebit"
)

// Growing is a shop that gets ever more connected users, in memory.
type Growing struct {
	tokens *gloebit.MemoryTokenStore
	page   http.Handler
	users  int
}

// NewGrowing is a shop without a user.
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

// Grow connects users until there are so many.
func (g *Growing) Grow(users int) error {
	err := connectUsers(g.tokens, g.users, users)
	g.users = users
	return err
}

// RequestTime is the processor time of one request through RequireGloebit, over
// requests of users who are picked at random, none soon again.
func (g *Growing) RequestTime() (time.Duration, error) {
	const requests = 200_000
	names := make([]string, requests) // as many whatever the size, so that they cost the same
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
