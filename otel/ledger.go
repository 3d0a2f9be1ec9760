package gloebitotel

import (
	"context"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Ledger returns the Trace of a ledger.Ledger.
func (t *Telemetry) Ledger() *ledger.Trace {
	return &ledger.Trace{
		Order: func(ctx context.Context, info ledger.StepInfo) (context.Context, string, func(ledger.StepResult)) {
			ctx, end := t.startStep(ctx, info)
			header := propagation.MapCarrier{}
			propagation.TraceContext{}.Inject(ctx, header)
			return ctx, header["traceparent"], end
		},
		Step: t.startStep,
		Fulfill: func(ctx context.Context, info ledger.StepInfo) (context.Context, func(error)) {
			return t.simple(ctx, operation{
				span: "fulfiller " + info.Name, duration: t.fulfiller,
				bounded: []attribute.KeyValue{realm(info.Realm), attribute.String("gloebit.fulfiller.call", info.Name)},
				ids:     idsOf(info),
			})
		},
		Callback: t.startCallback,
		StoreFailed: func(ctx context.Context, realm, operation string, err error) {
			t.storeFailed(ctx, realm, operation, err)
		},
	}
}

// startStep starts a step of a purchase, in the trace of the purchase.
func (t *Telemetry) startStep(
	ctx context.Context, info ledger.StepInfo,
) (context.Context, func(ledger.StepResult)) {
	ctx, link := join(ctx, info.TraceParent)
	ctx, end := t.start(ctx, operation{
		span: "purchase " + info.Name, link: link, duration: t.steps,
		bounded: []attribute.KeyValue{realm(info.Realm), attribute.String("gloebit.purchase.step", info.Name)},
		ids:     idsOf(info),
	})
	return ctx, func(result ledger.StepResult) {
		state := []attribute.KeyValue{
			attribute.String("gloebit.purchase.state", string(result.State)),
			attribute.String("gloebit.purchase.outcome", string(result.Outcome)),
		}
		// The steps within an order or a send count its transitions.
		if info.Name != "order" && info.Name != "send" && result.State != info.State {
			t.transitions.Add(ctx, 1, metric.WithAttributes(append(state, realm(info.Realm))...))
		}
		end(result.Err, append(state, attribute.Bool("gloebit.purchase.stuck", result.Stuck))...)
	}
}

// startCallback measures a callback. It makes no span: the steps of the callback
// are in the purchase's trace, with a link to the span of the request.
func (t *Telemetry) startCallback(
	ctx context.Context, info ledger.StepInfo,
) (context.Context, func(status int, reason string)) {
	began, step := time.Now(), info.Name
	if step == "" {
		step = "unsigned"
	}
	return ctx, func(status int, _ string) {
		t.callbacks.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(
			realm(info.Realm), attribute.String("gloebit.callback.step", step), semconv.HTTPResponseStatusCode(status)))
	}
}

// join returns a context in the trace of traceParent. If ctx has a span of
// another trace, join also returns its span context.
func join(ctx context.Context, traceParent string) (context.Context, trace.SpanContext) {
	header := propagation.MapCarrier{"traceparent": traceParent}
	purchase := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), header))
	current := trace.SpanContextFromContext(ctx)
	if !purchase.IsValid() || purchase.TraceID() == current.TraceID() {
		return ctx, trace.SpanContext{}
	}
	return trace.ContextWithRemoteSpanContext(ctx, purchase), current
}

func idsOf(info ledger.StepInfo) []attribute.KeyValue {
	return append(user(info.UserID), attribute.String("gloebit.purchase.id", info.PurchaseID))
}

// Observe reports the unfinished and unreported purchases in the ledger's
// store, of all realms, whenever the metrics are read. It counts them in the
// store, so all replicas of a store report the same numbers. To stop,
// unregister the registration.
func (t *Telemetry) Observe(l *ledger.Ledger) (metric.Registration, error) {
	gauge := func(name, unit, description string) (metric.Int64ObservableGauge, error) {
		return t.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	}
	unfinished, err := gauge("gloebit.purchases.unfinished", "{purchase}", "Purchases that are not finished.")
	if err != nil {
		return nil, err
	}
	stuck, err := gauge("gloebit.purchases.stuck", "{purchase}", "Purchases that wait for an operator.")
	if err != nil {
		return nil, err
	}
	overdue, err := gauge("gloebit.purchases.overdue", "{purchase}", "Purchases whose step should have been tried.")
	if err != nil {
		return nil, err
	}
	unreported, err := gauge(
		"gloebit.purchases.unreported", "{purchase}", "Purchases with changes that OnChange has not accepted.",
	)
	if err != nil {
		return nil, err
	}
	age, err := t.meter.Float64ObservableGauge("gloebit.purchases.overdue.age", metric.WithUnit("s"),
		metric.WithDescription("Time since the step that is overdue the longest should have been tried."))
	if err != nil {
		return nil, err
	}
	return t.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		counts, err := l.Counts(ctx)
		if err != nil {
			return err
		}
		now, oldest := time.Now(), map[string]float64{}
		for _, count := range counts {
			attributes := metric.WithAttributes(
				realm(count.Realm), attribute.String("gloebit.purchase.state", string(count.State)),
			)
			o.ObserveInt64(unreported, count.Unreported, attributes)
			if count.Purchases == 0 { // its state is finished
				continue
			}
			o.ObserveInt64(unfinished, count.Purchases, attributes)
			o.ObserveInt64(stuck, count.Stuck, attributes)
			o.ObserveInt64(overdue, count.Overdue, attributes)
			if seconds := now.Sub(count.OverdueSince).Seconds(); !count.OverdueSince.IsZero() {
				oldest[count.Realm] = max(oldest[count.Realm], seconds)
			} else if _, known := oldest[count.Realm]; !known {
				oldest[count.Realm] = 0
			}
		}
		for name, seconds := range oldest {
			o.ObserveFloat64(age, seconds, metric.WithAttributes(realm(name)))
		}
		return nil
	}, unfinished, stuck, overdue, unreported, age)
}
