package gloebitotel

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of the instrumentation scope.
const scope = "github.com/go-gloebit/gloebit/otel"

// Config configures a [Telemetry].
type Config struct {
	// TracerProvider provides the tracer. The default is
	// otel.GetTracerProvider().
	TracerProvider trace.TracerProvider
	// MeterProvider provides the meter. The default is otel.GetMeterProvider().
	MeterProvider metric.MeterProvider
}

// Telemetry makes the traces of packages connect, gloebit and ledger. Create it
// with [New]. It is safe for concurrent use, and any number of merchants and
// ledgers can share it.
type Telemetry struct {
	tracer      trace.Tracer
	meter       metric.Meter
	refusals    []connect.Refusal
	oauth       metric.Float64Histogram
	calls       metric.Float64Histogram
	steps       metric.Float64Histogram
	fulfiller   metric.Float64Histogram
	callbacks   metric.Float64Histogram
	transitions metric.Int64Counter
	storeErrors metric.Int64Counter
}

// New returns a Telemetry. It fails if the MeterProvider refuses an instrument.
func New(config Config) (*Telemetry, error) {
	if config.TracerProvider == nil {
		config.TracerProvider = otel.GetTracerProvider()
	}
	if config.MeterProvider == nil {
		config.MeterProvider = otel.GetMeterProvider()
	}
	t := &Telemetry{
		tracer:   config.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		meter:    config.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL)),
		refusals: gloebit.Refusals(),
	}
	var errs [7]error
	t.oauth, errs[0] = t.duration("gloebit.oauth.duration", "Duration of connecting users, by operation.")
	t.calls, errs[1] = t.duration("gloebit.call.duration", "Duration of calls to Gloebit, with retries.")
	t.steps, errs[2] = t.duration("gloebit.purchase.step.duration", "Duration of the steps of purchases.")
	t.fulfiller, errs[3] = t.duration("gloebit.fulfiller.duration", "Duration of calls of the Fulfiller.")
	t.callbacks, errs[4] = t.duration("gloebit.callback.duration", "Duration of Gloebit's callbacks.")
	t.transitions, errs[5] = t.meter.Int64Counter("gloebit.purchase.transitions",
		metric.WithUnit("{purchase}"), metric.WithDescription("Purchases that reached another state."))
	t.storeErrors, errs[6] = t.meter.Int64Counter("gloebit.store.errors",
		metric.WithUnit("{error}"), metric.WithDescription("Failures of stores."))
	return t, errors.Join(errs[:]...)
}

// duration returns a histogram with the buckets of the semantic conventions for
// HTTP, and three more for calls that are retried.
func (t *Telemetry) duration(name, description string) (metric.Float64Histogram, error) {
	return t.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 30, 60))
}

// operation describes a span and its histogram.
type operation struct {
	span     string
	kind     trace.SpanKind
	link     trace.SpanContext // linked if valid
	duration metric.Float64Histogram
	bounded  []attribute.KeyValue // attributes of the span and the metric
	ids      []attribute.KeyValue // attributes of the span only
}

// start starts an operation. Call the function to end it.
func (t *Telemetry) start(
	ctx context.Context, o operation,
) (context.Context, func(err error, more ...attribute.KeyValue)) {
	options := []trace.SpanStartOption{
		trace.WithSpanKind(o.kind), trace.WithAttributes(o.bounded...), trace.WithAttributes(o.ids...),
	}
	if o.link.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: o.link}))
	}
	began := time.Now()
	ctx, span := t.tracer.Start(ctx, o.span, options...)
	return ctx, func(err error, more ...attribute.KeyValue) {
		bounded := o.bounded[:len(o.bounded):len(o.bounded)]
		if err != nil {
			failure := semconv.ErrorTypeKey.String(t.errorType(err))
			bounded = append(bounded, failure)
			span.SetAttributes(failure)
			span.SetStatus(codes.Error, words(err))
		}
		o.duration.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(bounded...))
		span.SetAttributes(more...)
		span.End()
	}
}

// errorType returns the name of an error of gloebit or ledger.
func (t *Telemetry) errorType(err error) string {
	switch row, ok := connect.FindRefusal(err, t.refusals); {
	case errors.Is(err, context.Canceled):
		return "context.Canceled"
	case errors.Is(err, ledger.ErrTryAgain):
		return "ErrTryAgain"
	case ok && row.Name != "":
		return row.Name[strings.LastIndexByte(row.Name, '#')+1:]
	}
	return semconv.ErrorTypeOther.Value.AsString()
}

// words returns the error's text for a span, at most 300 bytes.
func words(err error) string {
	text := err.Error()
	text = text[:min(len(text), 300)]
	for !utf8.ValidString(text) && text != "" {
		text = text[:len(text)-1]
	}
	return text
}
