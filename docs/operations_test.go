package docs_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// addHealth adds what a supervisor and a load balancer ask.
func addHealth(mux *http.ServeMux, merchant *gloebit.Merchant, purchases *ledger.Ledger, logger *slog.Logger) {
	mux.Handle("GET /live", gloebit.HealthHandler(logger))
	mux.Handle("GET /ready", gloebit.HealthHandler(logger, merchant.Health, purchases.Ready))
}

// serve runs a shop until it gets a signal.
func serve(purchases *ledger.Ledger, mux http.Handler, listener net.Listener, db io.Closer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := purchases.Serve(ctx, &http.Server{Handler: mux}, listener, db)
	return err
}

// closed signals when it is closed.
type closed chan struct{}

func (c closed) Close() error { close(c); return nil }

func TestOperations(t *testing.T) {
	_, merchant := connected(t)
	purchases, err := ledger.New(ledger.Config{
		Merchant: merchant, CallbackURL: "http://127.0.0.1:8080/gloebit/hold",
		Keys: []gloebit.Secret{"32 random bytes, from your secrets"},
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	addHealth(mux, merchant, purchases, slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	database, ended := make(closed), make(chan error)
	go func() { ended <- serve(purchases, mux, listener, database) }()

	browser := testkit.NewBrowser(t)
	for _, path := range []string{"/live", "/ready"} {
		r := testkit.NewRequest(t, http.MethodGet, "http://"+listener.Addr().String()+path, nil)
		require.Eventually(t, func() bool {
			return testkit.Load(t, browser, r).Status == http.StatusOK
		}, 20*time.Second, 10*time.Millisecond)
	}
	process, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	require.NoError(t, process.Signal(syscall.SIGTERM))
	require.NoError(t, <-ended)
	<-database
}
