package gloebit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// tracer records the calls of a Trace. The context of an operation says which
// one it is.
type tracer struct {
	mu       sync.Mutex
	recorded []string
}

type within struct{}

func (tr *tracer) tell(ctx context.Context, format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	outer, _ := ctx.Value(within{}).(string)
	tr.recorded = append(tr.recorded, outer+fmt.Sprintf(format, args...))
}

func (tr *tracer) all() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	recorded := tr.recorded
	tr.recorded = nil
	return recorded
}

func (tr *tracer) operation(name string) func(context.Context, connect.TraceInfo) (context.Context, func(error)) {
	return func(ctx context.Context, info connect.TraceInfo) (context.Context, func(error)) {
		return tr.start(ctx, name+" "+info.UserID)
	}
}

func (tr *tracer) start(ctx context.Context, name string) (context.Context, func(error)) {
	tr.tell(ctx, "%s", name)
	outer, _ := ctx.Value(within{}).(string)
	return context.WithValue(ctx, within{}, outer+name+" > "), func(err error) {
		tr.tell(ctx, "%s: %v", name, err)
	}
}

func (tr *tracer) trace() *gloebit.Trace {
	return &gloebit.Trace{
		Trace: connect.Trace{
			Connect: tr.operation("connect"), Callback: tr.operation("callback"),
			Exchange: tr.operation("exchange"), Refresh: tr.operation("refresh"),
			StoreFailed: func(ctx context.Context, info connect.TraceInfo, operation string, err error) {
				tr.tell(ctx, "%s of %q at %s failed: %v", operation, info.UserID, info.Server, err)
			},
		},
		Call: func(ctx context.Context, info gloebit.CallInfo) (context.Context, func(error)) {
			return tr.start(ctx, info.Name+" "+info.UserID)
		},
	}
}

func TestTrace(t *testing.T) {
	const ann = "id of ann"
	newTraced := func(t *testing.T) (*world, *tracer) {
		recorded := &tracer{}
		return newWorldAt(
			t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true},
			func(_ *world, c *gloebit.Config) { c.Trace, c.User = recorded.trace(), headerUser },
		), recorded
	}
	t.Run("connecting and calling", func(t *testing.T) {
		w, recorded := newTraced(t)
		require.Equal(t, http.StatusOK, w.browser("ann").get("/private").status)
		require.Equal(t, []string{
			"connect ", "connect : <nil>",
			"callback ",
			"callback  > exchange " + ann, "callback  > exchange " + ann + ": <nil>",
			"callback  > user ", "callback  > user : <nil>",
			"callback : <nil>",
			"balance " + ann, "balance " + ann + ": <nil>",
		}, recorded.all())
	})
	t.Run("a callback without a state", func(t *testing.T) {
		w, recorded := newTraced(t)
		w.browser("ann").get("/gloebit/callback")
		said := recorded.all()
		require.Len(t, said, 2)
		require.Contains(t, said[1], "callback : "+gloebit.ErrInvalidState.Error())
	})
	t.Run("a callback without a session", func(t *testing.T) {
		recorded := &tracer{}
		merchant, err := gloebit.New(gloebit.Config{
			ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
			Provider: gloebit.Sandbox(), Trace: recorded.trace(),
		})
		require.NoError(t, err)
		_, err = merchant.Exchange(httptest.NewRequest(http.MethodGet, "/gloebit/callback?state=s&code=c", nil))
		require.ErrorIs(t, err, gloebit.ErrNoSession)
		require.Equal(t, []string{"callback ", "callback : " + err.Error()}, recorded.all())
	})
	t.Run("refreshing within a call", func(t *testing.T) {
		w, recorded := newTraced(t)
		b := w.browser("ann")
		b.get("/private")
		w.clock.Advance(2 * time.Hour)
		recorded.all()
		require.Equal(t, http.StatusOK, b.get("/private").status)
		balance, refresh := "balance "+ann, "balance "+ann+" > refresh "+ann
		require.Equal(t, []string{balance, refresh, refresh + ": <nil>", balance + ": <nil>"}, recorded.all())
	})
	t.Run("a call of any path", func(t *testing.T) {
		w, recorded := newTraced(t)
		w.browser("ann").get("/private")
		client, err := w.merchant.Client(t.Context(), ann)
		require.NoError(t, err)
		recorded.all()
		require.NoError(t, client.Call(t.Context(), http.MethodGet, "no-op?a=b", nil, nil))
		require.Equal(t, []string{"other " + ann, "other " + ann + ": <nil>"}, recorded.all())
	})
	t.Run("stores that fail", func(t *testing.T) {
		w, recorded := newTraced(t)
		w.states.fail(errDown)
		w.browser("ann").get("/gloebit/connect")
		require.Contains(t, recorded.all(), `connect  > states.put of "`+ann+`" at Gloebit failed: `+errDown.Error())
		w.states.fail(nil)
		callback := w.browser("ann").callback("/gloebit/connect")
		w.tokens.fail(errDown)
		w.browser("ann").get("/private")
		require.Equal(t, []string{`tokens.load of "` + ann + `" at Gloebit failed: ` + errDown.Error()}, recorded.all()[2:])
		w.browser("ann").get(callback.String())
		require.NotContains(t, fmt.Sprint(recorded.all()), "tokens.update", "another browser's callback changes nothing")
	})
	t.Run("an absent row or an error of fn", func(t *testing.T) {
		w, recorded := newTraced(t)
		w.browser("ann").get("/gloebit/callback?state=01234567890123456789012345678901234567890120000001&code=c")
		_, err := w.merchant.Client(t.Context(), "unknown")
		require.ErrorIs(t, err, gloebit.ErrNotConnected)
		require.NotContains(t, fmt.Sprint(recorded.all()), "failed")
	})
}

// TestTraceNilAllocatesNothing checks that a request and a call without a Trace
// allocate no more than before Trace existed.
func TestTraceNilAllocatesNothing(t *testing.T) {
	merchant := benchMerchant(t, asAlice)
	handler := merchant.RequireGloebit(http.HandlerFunc(greetUser))
	w, r := &nowhere{http.Header{}}, httptest.NewRequest(http.MethodGet, "/", nil)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }), 3.0)

	client, err := merchant.Client(t.Context(), "alice")
	require.NoError(t, err)
	call := func() { _, _ = client.Balance(t.Context()) }
	without := testing.AllocsPerRun(100, call)
	traced := benchMerchant(t, asAlice, func(c *gloebit.Config) { c.Trace = &gloebit.Trace{} })
	client, err = traced.Client(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, without, testing.AllocsPerRun(100, call))
}
