package gloebit_test

import (
	"embed"
	"testing"

	"github.com/go-gloebit/gloebit/internal/comparetest"
	"github.com/stretchr/testify/require"
)

// sources are embedded, and not read, so that a test of a changed source sees
// the change (go test -overlay).
//
//go:embed *.go ledger/*.go stores/sealed/*.go
var sources embed.FS

// TestSecurity08SecretsAreComparedInConstantTime reads the sources, since time
// is nothing that a test can measure reliably: what a caller sends meets a
// secret in places that use crypto/subtle, and no secret is compared in
// any other way but with the empty text, or with another that this process got
// from its own store. Package oauth1 has the same test.
func TestSecurity08SecretsAreComparedInConstantTime(t *testing.T) {
	constant := comparetest.Read(t, sources, []string{".", "ledger", "stores/sealed"}, map[string]bool{
		// The store's token: is it still the one that was sent?
		"refresh.go current.AccessToken stale": true,
		"refresh.go current.AccessToken sent":  true,
	})
	require.Equal(t, map[string]int{
		"callback.go equalInConstantTime": 1, "ownsessions.go equalInConstantTime": 1, "state.go subtle.ConstantTimeCompare": 1, "ledger/sign.go subtle.ConstantTimeCompare": 1,
	}, constant)
}
