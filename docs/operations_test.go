package docs_test

import (
	"context"
	"database/sql"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func probes(mux *http.ServeMux, logger *slog.Logger, merchant *gloebit.Merchant, purchases *ledger.Ledger) {
	mux.Handle("GET /live", gloebit.HealthHandler(logger))
	mux.Handle("GET /ready", gloebit.HealthHandler(logger, merchant.Health, purchases.Ready))
}

func serve(mux *http.ServeMux, listener net.Listener, purchases *ledger.Ledger, db *sql.DB) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := purchases.Serve(ctx, &http.Server{Handler: mux}, listener, db)
	return err
}

func TestOperations(t *testing.T) {
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "shop", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(),
	})
	require.NoError(t, err)
	purchases, err := ledger.New(ledger.Config{
		Merchant: merchant, CallbackURL: "https://shop.example/hold", Keys: []gloebit.Secret{"the first key, of 32 bytes or so"},
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	probes(mux, slog.New(slog.DiscardHandler), merchant, purchases)
	for path, want := range map[string]int{"/live": http.StatusOK, "/ready": http.StatusServiceUnavailable} {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, want, answer.Code, "%s, and Run does not run", path)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, serve(mux, listener, purchases, sql.OpenDB(nil)), net.ErrClosed)
}
