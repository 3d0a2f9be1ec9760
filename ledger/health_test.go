package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	running := func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.ledger.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			<-ended
		})
		require.Eventually(t, func() bool { return w.ledger.Ready(t.Context()) == nil }, 10*time.Second, time.Millisecond)
	}
	t.Run("without Run", func(t *testing.T) {
		w := newWorld(t)
		require.ErrorIs(t, w.ledger.Ready(t.Context()), ledger.ErrNotRunning)
		require.ErrorIs(t, w.ledger.Health(t.Context()), ledger.ErrNotRunning)
	})
	t.Run("all well", func(t *testing.T) {
		w := newWorld(t)
		running(t, w)
		require.NoError(t, w.ledger.Health(t.Context()))
	})
	t.Run("overdue", func(t *testing.T) {
		w := newWorld(t)
		w.bought(hat)
		w.clock.Advance(time.Hour)
		err := w.ledger.Health(t.Context())
		require.ErrorIs(t, err, ledger.ErrOverdue)
		require.ErrorContains(t, err, "1 of the realm")
		require.NotErrorIs(t, w.ledger.Ready(t.Context()), ledger.ErrOverdue)
	})
	t.Run("overdue in another realm", func(t *testing.T) {
		w := newWorld(t)
		p := w.bought(hat)
		p.Realm, p.IdempotencyKey = "another", "k"
		_, _, err := w.store.Create(t.Context(), p)
		require.NoError(t, err)
		w.settle()
		w.clock.Advance(time.Hour)
		require.NotErrorIs(t, w.ledger.Health(t.Context()), ledger.ErrOverdue)
	})
	t.Run("a store that fails", func(t *testing.T) {
		w := newWorld(t)
		w.store.failing(errDown)
		require.ErrorIs(t, w.ledger.Ready(t.Context()), gloebit.ErrStore)
		require.ErrorIs(t, w.ledger.Health(t.Context()), errDown)
	})
	t.Run("a context that has ended", func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, w.ledger.Ready(ctx), context.Canceled)
	})
}
