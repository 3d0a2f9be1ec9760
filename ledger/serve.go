package ledger

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// Serve serves an application until ctx ends, and shuts it down gracefully. It
// calls [Ledger.Run] and server.Serve, or server.ServeTLS if the server has a
// TLSConfig. When ctx ends, or the server fails or is shut down, Serve waits
// for the requests in flight, for at most Config.StepTimeout; then it stops
// Run, which saves the callbacks that are kept in memory; then it closes the
// closers, such as the *sql.DB of the stores. If requests are still in flight
// after Config.StepTimeout, Serve closes their connections and its error
// matches context.DeadlineExceeded. Serve joins the errors of the server and of
// closing, and returns nil if there were none.
//
//	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//	defer stop()
//	err := purchases.Serve(ctx, &http.Server{Handler: mux}, listener, db)
func (l *Ledger) Serve(ctx context.Context, server *http.Server, listener net.Listener, closers ...io.Closer) error {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var run sync.WaitGroup
	run.Go(func() { _ = l.Run(working) }) // its error is that of working
	served := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			served <- server.ServeTLS(listener, "", "")
			return
		}
		served <- server.Serve(listener)
	}()
	var failed error
	select {
	case failed = <-served:
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(working, l.config.StepTimeout)
	defer cancel()
	slow := server.Shutdown(limit)
	if slow != nil {
		slow = errors.Join(slow, server.Close()) // closes the remaining connections
	}
	if failed == nil {
		failed = <-served
	}
	if errors.Is(failed, http.ErrServerClosed) {
		failed = nil
	}
	stop()
	run.Wait()
	errs := []error{failed, slow}
	for _, closer := range closers {
		errs = append(errs, closer.Close())
	}
	return errors.Join(errs...)
}
