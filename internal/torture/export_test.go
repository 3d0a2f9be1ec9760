package main

import (
	"context"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/console"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/stretchr/testify/require"
)

// TestExportAddsUpToBalances makes purchases under kills and faults, and then
// adds up the console's CSV export with sqlite3. The sums must equal what each
// account paid.
func TestExportAddsUpToBalances(t *testing.T) {
	t.Parallel()
	sqlite, err := exec.LookPath("sqlite3")
	if err != nil && os.Getenv("GLOEBIT_TEST_REQUIRE") != "all" {
		t.Skip("no sqlite3 on this machine (Debian: apt-get install sqlite3)")
	}
	require.NoError(t, err)
	o := options{
		purchases: 100, kills: 2, faults: everything, place: newTestPlace(t, "sqlite"), seed: uint64(time.Now().UnixNano()),
	}
	t.Logf("seed %d", o.seed)
	require.NoError(t, o.place.prepare(t.Context()))
	w := &world{
		options: o, orders: newOrders(o.purchases, o.seed),
		courier: newCourier(mathrand.New(mathrand.NewPCG(o.seed, 2)), true),
	}
	require.NoError(t, w.openShop())
	defer func() { _ = w.db.Close() }()
	w.openGloebit()
	defer w.gloebit.Close()
	require.NoError(t, w.admit(t.Context()))
	before := w.balances(t)
	defer func() { _ = w.shops.kill() }()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	require.NoError(t, w.work(ctx))
	w.courier.late.Wait()
	require.NoError(t, w.shops.stop())

	file := filepath.Join(t.TempDir(), "purchases.csv")
	require.NoError(t, os.WriteFile(file, w.export(t), 0o600))
	output, err := exec.CommandContext(t.Context(), sqlite, "-csv", ":memory:", ".import "+file+" purchases",
		"SELECT gloebit_id, SUM(gloebits) FROM purchases WHERE paid_at <> '' GROUP BY gloebit_id").CombinedOutput()
	require.NoError(t, err, string(output))
	paid := map[string]int{}
	for line := range strings.Lines(string(output)) {
		account, sum, _ := strings.Cut(strings.TrimSpace(line), ",")
		paid[account], err = strconv.Atoi(sum)
		require.NoError(t, err, line)
	}
	charged, all := map[string]int{}, 0
	for account, left := range w.balances(t) {
		if spent := before[account] - left; spent != 0 {
			charged[account] = spent
			all += spent
		}
	}
	require.Equal(t, charged, paid)
	t.Logf("%d accounts paid %d gloebits, as the table says", len(charged), all)
	require.Greater(t, all, 50*price)
}

// balances returns the balance of each Gloebit account, by account ID.
func (w *world) balances(t *testing.T) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, user := range w.gloebit.Users() {
		left, err := strconv.Atoi(w.gloebit.Balance(user.Name))
		require.NoError(t, err)
		all[user.ID] = left
	}
	return all
}

// export returns the console's CSV export.
func (w *world) export(t *testing.T) []byte {
	t.Helper()
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: w.app.Key, ClientSecret: gloebit.Secret(w.app.Secret), RedirectURL: "http://127.0.0.1/gloebit/callback",
		Provider: gloebit.ProviderAt(w.gloebit.URL), Tokens: w.tokens, States: w.tokens,
	})
	require.NoError(t, err)
	purchases, err := ledger.New(ledger.Config{
		Merchant: merchant, Store: sqlledger.New(w.tokens), CallbackURL: holdURL, Keys: []gloebit.Secret{signingKey},
	})
	require.NoError(t, err)
	pages, err := console.New(console.Config{
		Ledger: purchases, Authorize: func(*http.Request) console.Operator {
			return console.Operator{Name: "test", May: console.Read}
		},
	})
	require.NoError(t, err)
	answer := httptest.NewRecorder()
	pages.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?view=export&format=csv", nil))
	require.Equal(t, http.StatusOK, answer.Code, "%.300s", answer.Body)
	return answer.Body.Bytes()
}
