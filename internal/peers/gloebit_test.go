package peers_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// gloebitShop is a test Gloebit, and an application of it on a site that has
// other applications too.
type gloebitShop struct {
	*testkit.Shop
	merchant *gloebit.Merchant
}

func newGloebitShop(t *testing.T, tokens gloebit.TokenStore, states gloebit.StateStore) *gloebitShop {
	t.Helper()
	shop := testkit.NewShop(t, gloebittest.Config{})
	config := shop.Config()
	config.Tokens, config.States = tokens, states
	config.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "ann"}, nil }
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	return &gloebitShop{shop, merchant}
}

// page shows the user's balance.
func (s *gloebitShop) page() http.Handler {
	return s.merchant.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		balance, err := gloebit.MustFromContext(r.Context()).Balance(r.Context())
		if err != nil {
			s.merchant.HandleError(w, r, err)
			return
		}
		_, _ = fmt.Fprintf(w, "%s G$", balance)
	}))
}
