package gloebit

import (
	"context"
	"io"
	"log/slog"
	"net/http"
)

// Health returns an ErrStore unless Config.Tokens and Config.States answer
// within five seconds each. It checks neither Config.Sessions nor Gloebit, so
// that an application stays in service when Gloebit is down.
func (m *Merchant) Health(ctx context.Context) error { return m.connector.Health(ctx) }

// HealthHandler returns a handler for a probe. It calls the checks in order and
// responds 200 if each returns nil. At the first error it responds 503 and,
// unless the logger is nil, logs the error; the response does not show it.
// Without checks it responds 200, which says that the process is live. Do not
// check a store in a liveness probe: restarting the process does not repair the
// database.
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
		_, _ = io.WriteString(w, "OK\n") // fails only if the prober has disconnected
	})
}
