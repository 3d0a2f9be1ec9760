package gloebitotel

import (
	"context"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Gloebit returns the Trace of a gloebit.Merchant.
func (t *Telemetry) Gloebit() *gloebit.Trace {
	return &gloebit.Trace{
		Trace: *t.Connect(),
		Call: func(ctx context.Context, info gloebit.CallInfo) (context.Context, func(error)) {
			return t.simple(ctx, operation{
				span: "gloebit " + info.Name, kind: trace.SpanKindClient, duration: t.calls,
				bounded: []attribute.KeyValue{realm(info.Realm), attribute.String("gloebit.call", info.Name)},
				ids:     user(info.UserID),
			})
		},
	}
}

// Connect returns the Trace of a connect.Connector, for servers other than
// Gloebit.
func (t *Telemetry) Connect() *connect.Trace {
	return &connect.Trace{
		Connect:  t.oauthOperation("connect", trace.SpanKindInternal),
		Callback: t.oauthOperation("callback", trace.SpanKindInternal),
		Exchange: t.oauthOperation("exchange", trace.SpanKindClient),
		Refresh:  t.oauthOperation("refresh", trace.SpanKindClient),
		StoreFailed: func(ctx context.Context, info connect.TraceInfo, operation string, err error) {
			t.storeFailed(ctx, info.Realm, operation, err)
		},
	}
}

func (t *Telemetry) oauthOperation(
	name string, kind trace.SpanKind,
) func(context.Context, connect.TraceInfo) (context.Context, func(error)) {
	return func(ctx context.Context, info connect.TraceInfo) (context.Context, func(error)) {
		return t.simple(ctx, operation{
			span: "oauth " + name, kind: kind, duration: t.oauth,
			bounded: []attribute.KeyValue{realm(info.Realm), attribute.String("gloebit.oauth.operation", name)},
			ids:     append(user(info.UserID), attribute.String("gloebit.oauth.server", info.Server)),
		})
	}
}

// simple starts an operation. Call the function with the operation's error, or
// nil, to end it.
func (t *Telemetry) simple(ctx context.Context, o operation) (context.Context, func(error)) {
	ctx, end := t.start(ctx, o)
	return ctx, func(err error) { end(err) }
}

// storeFailed counts a store's failure and records it in the operation's span.
func (t *Telemetry) storeFailed(ctx context.Context, of, operation string, err error) {
	failed := attribute.String("gloebit.store.operation", operation)
	t.storeErrors.Add(ctx, 1, metric.WithAttributes(realm(of), failed))
	trace.SpanFromContext(ctx).AddEvent("store failed",
		trace.WithAttributes(failed, semconv.ErrorTypeKey.String(t.errorType(err))))
}

func realm(name string) attribute.KeyValue { return attribute.String("gloebit.realm", name) }

// user returns the attributes of a user. There are none if the user is unknown.
func user(id string) []attribute.KeyValue {
	if id == "" {
		return nil
	}
	return []attribute.KeyValue{semconv.UserID(id)}
}
