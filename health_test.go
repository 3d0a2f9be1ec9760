package gloebit_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.merchant.Health(t.Context()))
	w.tokens.fail(errDown)
	require.ErrorIs(t, w.merchant.Health(t.Context()), gloebit.ErrStore)
	w.tokens.fail(nil)
	w.states.fail(errDown)
	require.ErrorIs(t, w.merchant.Health(t.Context()), errDown)
}

func TestHealthHandler(t *testing.T) {
	well := func(context.Context) error { return nil }
	ill := func(context.Context) error { return errors.New("db.internal is down") }
	for name, c := range map[string]struct {
		checks []func(context.Context) error
		status int
		logged bool
	}{
		"live":            {nil, http.StatusOK, false},
		"ready":           {[]func(context.Context) error{well, well}, http.StatusOK, false},
		"one check fails": {[]func(context.Context) error{well, ill}, http.StatusServiceUnavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			log := &testkit.Log{}
			for _, logger := range []*slog.Logger{log.Logger(), nil} {
				w := httptest.NewRecorder()
				gloebit.HealthHandler(logger, c.checks...).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ready", nil))
				require.Equal(t, c.status, w.Code)
				require.NotContains(t, w.Body.String(), "db.internal", "the cause is for the log")
			}
			require.Equal(t, c.logged, log.String() != "")
		})
	}
}
