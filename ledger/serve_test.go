package ledger_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// closer signals when it is closed.
type closer func() error

func (c closer) Close() error { return c() }

func TestServe(t *testing.T) {
	t.Run("the order of stopping", func(t *testing.T) {
		w := newWorld(t)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var mu sync.Mutex
		var order []string
		did := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		asked, release := make(chan struct{}), make(chan struct{})
		server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(asked)
			<-release
			did("a request")
			require.NoError(t, w.ledger.Ready(r.Context()), "Run continues")
		})}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- w.ledger.Serve(ctx, server, listener, closer(func() error {
				did("the store")
				require.ErrorIs(t, w.ledger.Ready(context.WithoutCancel(ctx)), ledger.ErrNotRunning, "Run has ended")
				return nil
			}), closer(func() error { did("the cache"); return nil }))
		}()
		answered := make(chan error, 1)
		go func() {
			response, err := http.Get("http://" + listener.Addr().String())
			if err == nil {
				err = response.Body.Close()
			}
			answered <- err
		}()
		<-asked
		stop()
		require.Eventually(t, func() bool {
			connection, err := net.Dial("tcp", listener.Addr().String())
			if err == nil {
				_ = connection.Close()
			}
			return err != nil
		}, 10*time.Second, time.Millisecond, "it accepts no more")
		close(release)
		require.NoError(t, <-answered)
		require.NoError(t, <-ended)
		require.Equal(t, []string{"a request", "the store", "the cache"}, order)
		http.DefaultClient.CloseIdleConnections()
	})
	t.Run("a listener that fails", func(t *testing.T) {
		w := newWorld(t)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		closed := errors.New("closed with an error")
		err = w.ledger.Serve(t.Context(), &http.Server{}, listener, closer(func() error { return closed }))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, err, closed)
	})
	t.Run("a request that does not end", func(t *testing.T) {
		w := newWorld(t)
		w.config.StepTimeout = 20 * time.Millisecond
		w.start()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			stop()
			<-r.Context().Done()
		})}
		ended := make(chan error, 1)
		go func() { ended <- w.ledger.Serve(ctx, server, listener) }()
		_, err = http.Get("http://" + listener.Addr().String())
		require.Error(t, err)
		require.ErrorIs(t, <-ended, context.DeadlineExceeded)
	})
	t.Run("a callback that is kept in memory", func(t *testing.T) {
		w := newWorld(t)
		p := w.bought(hat)
		w.wantAnswer(p.ID, "enact", http.StatusOK, "[true]")
		w.store.failing(errDown)
		w.config.StepTimeout = 50 * time.Millisecond
		w.start()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.ledger.Serve(ctx, &http.Server{}, listener) }()
		status, _ := w.call(p.ID, "consume")
		require.Equal(t, http.StatusServiceUnavailable, status)
		w.store.failing(nil)
		stop()
		require.NoError(t, <-ended)
		require.Contains(t, []ledger.State{ledger.Settled, ledger.Delivered}, w.get(p.ID).State)
	})
}
