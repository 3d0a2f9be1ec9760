package docs_test

import (
	"context"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/console"
	"github.com/stretchr/testify/require"
)

// member is a member of the application's staff.
type member struct {
	Name                      string
	MayRefund, MaySeePayments bool
}

// signIn is the application's own sign-in of its staff.
type signIn struct{}

func (signIn) SignedIn(r *http.Request) member {
	name := r.Header.Get("Staff") // as a test may
	return member{Name: name, MayRefund: name == "ann", MaySeePayments: name != ""}
}

func office(mux *http.ServeMux, staff signIn, purchases *ledger.Ledger) {
	pages, err := console.New(console.Config{
		Ledger: purchases,
		Authorize: func(r *http.Request) console.Operator {
			user := staff.SignedIn(r) // your own sign-in
			switch {
			case user.MayRefund:
				return console.Operator{Name: user.Name, May: console.Act}
			case user.MaySeePayments:
				return console.Operator{Name: user.Name, May: console.Read}
			}
			return console.Operator{} // 403
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/office/purchases", pages)
}

func TestConsole(t *testing.T) {
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "shop", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(), Tokens: &gloebit.MemoryTokenStore{},
	})
	require.NoError(t, err)
	purchases, err := ledger.New(ledger.Config{
		Merchant: merchant, CallbackURL: "https://shop.example/hold",
		Keys: []gloebit.Secret{"the first key, of 32 bytes or so"},
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	office(mux, signIn{}, purchases)
	for name, want := range map[string]int{"": http.StatusForbidden, "ann": http.StatusOK, "bob": http.StatusOK} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/office/purchases", nil)
		r.Header.Set("Staff", name)
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, r)
		require.Equal(t, want, answer.Code, name)
	}
}
