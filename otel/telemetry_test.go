package gloebitotel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	gloebitotel "github.com/go-gloebit/gloebit/otel"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// points are the metrics as one line for each time series.
func (w *world) points(t *testing.T) []string {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, w.metrics.Collect(t.Context(), &all))
	var lines []string
	line := func(name string, set attribute.Set, value any) {
		var labels []string
		for _, one := range set.ToSlice() {
			if one.Key == "gloebit.realm" {
				require.Equal(t, w.merchant.Realm(), one.Value.AsString())
				continue
			}
			labels = append(labels, string(one.Key)+"="+one.Value.String())
		}
		lines = append(lines, fmt.Sprintf("%s{%s} %v", name, strings.Join(labels, ","), value))
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					line(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					line(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					line(m.Name, p.Attributes, p.Value > 0)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					line(m.Name, p.Attributes, p.Count)
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func (w *world) span(t *testing.T, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	for _, span := range w.spans.Ended() {
		if span.Name() == name {
			return span
		}
	}
	require.Fail(t, "no span "+name)
	return nil
}

func TestSpans(t *testing.T) {
	t.Run("one trace for all steps", func(t *testing.T) {
		w := newWorld(t)
		ctx, request := w.tracing.Tracer("shop").Start(t.Context(), "POST /buy")
		p, err := w.buy(ctx, t, ledger.Order{IdempotencyKey: "1", Price: 100})
		require.NoError(t, err)
		request.End()
		require.NoError(t, w.gloebit.Settle(t.Context()))
		var names []string
		for _, span := range w.spans.Ended() {
			names = append(names, span.Name())
			require.Equal(t, request.SpanContext().TraceID(), span.SpanContext().TraceID(), span.Name())
			if strings.HasPrefix(span.Name(), "purchase ") {
				require.Contains(t, span.Attributes(), attribute.String("gloebit.purchase.id", p.ID))
				require.Contains(t, span.Attributes(), attribute.String("user.id", "alice"))
			}
		}
		require.Equal(t, []string{
			"gloebit transact", "purchase accepted", "purchase send", "purchase order", "POST /buy",
			"fulfiller Reserve", "purchase enact", "purchase consume", "fulfiller Deliver", "purchase deliver",
		}, names)
		order := w.span(t, "purchase order")
		require.Equal(t, request.SpanContext().SpanID(), order.Parent().SpanID())
		require.Contains(t, p.TraceParent, order.SpanContext().SpanID().String())
		require.Equal(t, order.SpanContext().SpanID(), w.span(t, "purchase enact").Parent().SpanID())
		require.Equal(t, w.span(t, "purchase enact").SpanContext().SpanID(), w.span(t, "fulfiller Reserve").Parent().SpanID())
	})
	t.Run("a step links to another trace", func(t *testing.T) {
		w := newWorld(t)
		p, err := w.buy(t.Context(), t, ledger.Order{IdempotencyKey: "1", Price: 100})
		require.NoError(t, err)
		ctx, page := w.tracing.Tracer("shop").Start(t.Context(), "POST /cancel")
		_, err = w.ledger.Cancel(ctx, p.ID, ledger.Act{})
		require.NoError(t, err)
		page.End()
		withdraw := w.span(t, "purchase withdraw")
		require.Equal(t, w.span(t, "purchase order").SpanContext().TraceID(), withdraw.SpanContext().TraceID())
		require.Len(t, withdraw.Links(), 1)
		require.Equal(t, page.SpanContext().SpanID(), withdraw.Links()[0].SpanContext.SpanID())
	})
	t.Run("a failure has its error", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.buy(t.Context(), t, ledger.Order{IdempotencyKey: "1", Price: 5000})
		require.ErrorIs(t, err, gloebit.ErrInsufficientBalance)
		call := w.span(t, "gloebit transact")
		require.Equal(t, codes.Error, call.Status().Code)
		require.Contains(t, call.Status().Description, "insufficient balance")
		require.Contains(t, call.Attributes(), attribute.String("error.type", "ErrInsufficientBalance"))
	})
	t.Run("a trace that is not sampled", func(t *testing.T) {
		w := newWorld(t)
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1},
		}))
		p, err := w.buy(ctx, t, ledger.Order{IdempotencyKey: "1", Price: 100})
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(p.TraceParent, "-00"), p.TraceParent)
		require.NoError(t, w.gloebit.Settle(t.Context()))
		require.Empty(t, w.spans.Ended())
	})
}

func TestMetrics(t *testing.T) {
	t.Run("a purchase", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.buy(t.Context(), t, ledger.Order{IdempotencyKey: "1", Price: 100})
		require.NoError(t, err)
		require.NoError(t, w.gloebit.Settle(t.Context()))
		_, err = w.buy(t.Context(), t, ledger.Order{IdempotencyKey: "2", Price: 5000})
		require.Error(t, err)
		require.Equal(t, []string{
			`gloebit.call.duration{error.type=ErrInsufficientBalance,gloebit.call=transact} 1`,
			`gloebit.call.duration{gloebit.call=transact} 1`,
			`gloebit.callback.duration{gloebit.callback.step=consume,http.response.status_code=200} 1`,
			`gloebit.callback.duration{gloebit.callback.step=enact,http.response.status_code=200} 1`,
			`gloebit.fulfiller.duration{gloebit.fulfiller.call=Deliver} 1`,
			`gloebit.fulfiller.duration{gloebit.fulfiller.call=Reserve} 1`,
			`gloebit.purchase.step.duration{error.type=ErrInsufficientBalance,gloebit.purchase.step=order} 1`,
			`gloebit.purchase.step.duration{error.type=ErrInsufficientBalance,gloebit.purchase.step=send} 1`,
			`gloebit.purchase.step.duration{gloebit.purchase.step=accepted} 1`,
			`gloebit.purchase.step.duration{gloebit.purchase.step=consume} 1`,
			`gloebit.purchase.step.duration{gloebit.purchase.step=deliver} 1`,
			`gloebit.purchase.step.duration{gloebit.purchase.step=enact} 1`,
			`gloebit.purchase.step.duration{gloebit.purchase.step=order} 1`,
			`gloebit.purchase.step.duration{gloebit.purchase.step=refused} 1`,
			`gloebit.purchase.step.duration{gloebit.purchase.step=send} 1`,
			`gloebit.purchase.transitions{gloebit.purchase.outcome=insufficient-balance,gloebit.purchase.state=refused} 1`,
			`gloebit.purchase.transitions{gloebit.purchase.outcome=queued,gloebit.purchase.state=accepted} 1`,
			`gloebit.purchase.transitions{gloebit.purchase.outcome=queued,gloebit.purchase.state=delivered} 1`,
			`gloebit.purchase.transitions{gloebit.purchase.outcome=queued,gloebit.purchase.state=reserved} 1`,
			`gloebit.purchase.transitions{gloebit.purchase.outcome=queued,gloebit.purchase.state=settled} 1`,
		}, w.points(t))
	})
	t.Run("an overdue purchase", func(t *testing.T) {
		store := &ledger.MemoryStore{}
		w := newWorld(t, func(_ *gloebit.Config, c *ledger.Config) {
			c.Store, c.Clock = store, func() time.Time { return time.Now().Add(-time.Hour) }
		})
		later := newWorld(t, func(_ *gloebit.Config, c *ledger.Config) { c.Store = store })
		_, err := w.buy(t.Context(), t, ledger.Order{IdempotencyKey: "1", Price: 100})
		require.NoError(t, err)
		later.merchant = w.merchant // whose realm the purchase is of
		require.Equal(t, []string{
			`gloebit.purchases.overdue.age{} true`,
			`gloebit.purchases.overdue{gloebit.purchase.state=accepted} 1`,
			`gloebit.purchases.stuck{gloebit.purchase.state=accepted} 0`,
			`gloebit.purchases.unfinished{gloebit.purchase.state=accepted} 1`,
			`gloebit.purchases.unreported{gloebit.purchase.state=accepted} 0`,
		}, later.points(t))
	})
	t.Run("an unreported purchase", func(t *testing.T) {
		store := &ledger.MemoryStore{}
		w := newWorld(t, func(_ *gloebit.Config, c *ledger.Config) { c.Store = store })
		changed := time.Now().Add(-time.Hour)
		_, _, err := store.Create(t.Context(), ledger.Purchase{
			Realm: w.merchant.Realm(), ID: "p", State: ledger.Delivered, UpdatedAt: changed, ReportAt: changed,
		})
		require.NoError(t, err)
		require.Equal(t, []string{
			`gloebit.purchases.unreported{gloebit.purchase.state=delivered} 1`,
		}, w.points(t))
	})
	t.Run("a Fulfiller that fails", func(t *testing.T) {
		w := newWorld(t, func(_ *gloebit.Config, c *ledger.Config) {
			c.Fulfiller = fulfiller{func(context.Context) error { return errors.New("no hats, Alice") }}
		})
		_, err := w.buy(t.Context(), t, ledger.Order{IdempotencyKey: "1", Price: 100})
		require.NoError(t, err)
		require.NoError(t, w.gloebit.Settle(t.Context()))
		require.Contains(t, w.points(t), `gloebit.fulfiller.duration{error.type=_OTHER,gloebit.fulfiller.call=Deliver} 1`)
	})
	t.Run("a store that fails", func(t *testing.T) {
		w := newWorld(t, func(c *gloebit.Config, _ *ledger.Config) { c.States = brokenStates{} })
		page := httptest.NewRecorder()
		w.merchant.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil))
		require.Equal(t, http.StatusServiceUnavailable, page.Code)
		require.Equal(t, []string{
			`gloebit.oauth.duration{error.type=ErrStore,gloebit.oauth.operation=connect} 1`,
			`gloebit.store.errors{gloebit.store.operation=states.put} 1`,
		}, w.points(t))
		require.Equal(t, "store failed", w.span(t, "oauth connect").Events()[0].Name)
	})
}

// brokenStates is a StateStore that fails.
type brokenStates struct{ gloebit.StateStore }

func (brokenStates) Put(context.Context, connect.Key, connect.PendingConnection) error {
	return errors.New("down")
}

func TestHandlerAddsTheTrace(t *testing.T) {
	w := newWorld(t)
	var text strings.Builder
	log := slog.New(gloebitotel.NewHandler(slog.NewTextHandler(&text, nil))).With("a", 1).WithGroup("g")
	ctx, span := w.tracing.Tracer("shop").Start(t.Context(), "GET /")
	log.InfoContext(ctx, "within")
	log.InfoContext(t.Context(), "without")
	span.End()
	lines := strings.Split(text.String(), "\n")
	require.Contains(
		t, lines[0],
		"a=1 g.trace_id="+span.SpanContext().TraceID().String()+" g.span_id="+span.SpanContext().SpanID().String(),
	)
	require.NotContains(t, lines[1], "trace_id")
}
