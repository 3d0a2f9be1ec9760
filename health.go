package gloebit

import (
	"context"
	"io"
	"log/slog"
	"net/http"
)

// Health returns an ErrStore unless Config.Tokens and Config.States answer
// within five seconds each. It does not ask Gloebit, so that an application
// stays up when Gloebit is down, nor Config.Sessions.
func (m *Merchant) Health(ctx context.Context) error { return m.connector.Health(ctx) }

// HealthHandler returns a handler for a probe. It responds 200 if each of the
// checks returns nil, and 503 at the first that returns an error, which is logged
// unless the logger is nil and not shown. Without checks it says that the process
// is live. An orchestrator that restarts a process must use no check of a
// store, since a restart does not mend a database:
//
//	mux.Handle("GET /live", gloebit.HealthHandler(logger))
//	mux.Handle("GET /ready", gloebit.HealthHandler(logger, merchant.Health, purchases.Ready))
func HealthHandler(logger *slog.Logger, checks ...func(context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		for _, check := range checks {
			if err := check(r.Context()); err != nil {
				if logger != nil {
					logger.WarnContext(r.Context(), "gloebit: a health check failed", "cause", err.Error())
				}
				http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
				return
			}
		}
		_, _ = io.WriteString(w, "OK\n") // the prober has gone if this fails
	})
}
