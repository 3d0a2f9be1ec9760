package launch

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxGoodbye is how long a shutdown waits for requests in flight: a receipt
// waits up to ten seconds for its purchase.
const maxGoodbye = 15 * time.Second

// runShop runs a shop's pages and its ledger until ctx ends. The ledger runs
// until the last page was served, and then finishes its work in progress.
func runShop(ctx context.Context, listener net.Listener, shop Shop, logger *slog.Logger) error {
	ledgerCtx, stopLedger := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLedger()
	var ledger sync.WaitGroup
	if shop.Purchases != nil {
		ledger.Go(func() { _ = shop.Purchases.Run(ledgerCtx) }) // it ends only with its context
	}
	err := serve(ctx, listener, shop.Handler, logger)
	stopLedger()
	ledger.Wait()
	return err
}

// serve responds to requests on the listener until ctx ends, and then finishes
// those in flight.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, logger *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped: // it failed to start, or the listener failed
		return err
	case <-ctx.Done():
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxGoodbye)
	defer cancel()
	err := server.Shutdown(bye)
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// address returns the URL of the listener for browsers on this machine. If it
// listens on all interfaces, that is a loopback URL.
func address(listener net.Listener) string {
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return "http://" + listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
