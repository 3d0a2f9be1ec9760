// Package gloebitotel reports the work of packages connect, gloebit and ledger
// to OpenTelemetry, as spans and metrics.
//
//	telemetry, err := gloebitotel.New(gloebitotel.Config{})
//	merchant, err := gloebit.New(gloebit.Config{Trace: telemetry.Gloebit(), …})
//	purchases, err := ledger.New(ledger.Config{Trace: telemetry.Ledger(), …})
//	registration, err := telemetry.Observe(purchases)
//
// # Spans
//
// The package creates spans for connecting a user ("oauth connect", "oauth
// callback", "oauth exchange", "oauth refresh"), for each call to Gloebit
// ("gloebit transact"), and for each step of a purchase ("purchase order",
// "purchase enact", "fulfiller Deliver"). It creates none for HTTP: wrap the
// application's handler and the Transport of Config.HTTPClient with otelhttp.
//
// All steps of a purchase belong to the trace of its order, on any replica and
// at any time, because the purchase stores the traceparent of its order. A step
// within another trace, such as that of a callback's request, has a link to it.
// A sampler that follows the parent, such as sdktrace.ParentBased, treats all
// steps of a purchase alike.
//
// # Metrics
//
//   - gloebit.oauth.duration, a histogram in seconds by gloebit.oauth.operation:
//     connect, callback, exchange and refresh.
//   - gloebit.call.duration, a histogram in seconds by gloebit.call: the calls to
//     Gloebit.
//   - gloebit.purchase.step.duration, a histogram in seconds by
//     gloebit.purchase.step: see ledger.Trace for the steps.
//   - gloebit.purchase.transitions, a counter of purchases that reached another
//     state, by gloebit.purchase.state and gloebit.purchase.outcome.
//   - gloebit.fulfiller.duration, a histogram in seconds by gloebit.fulfiller.call.
//   - gloebit.callback.duration, a histogram in seconds of Gloebit's callbacks, by
//     gloebit.callback.step and http.response.status_code. Requests that are not
//     signed have the step "unsigned".
//   - gloebit.store.errors, a counter by gloebit.store.operation.
//   - With [Telemetry.Observe]: gloebit.purchases.unfinished,
//     gloebit.purchases.stuck, gloebit.purchases.overdue and
//     gloebit.purchases.unreported, gauges by gloebit.purchase.state. Unreported
//     purchases have changes that ledger.Config.OnChange has not accepted. And
//     gloebit.purchases.overdue.age, the delay in seconds of the most overdue
//     purchase.
//
// Every metric also has the attribute gloebit.realm. A failure has the
// attribute error.type: the name of the error, such as ErrInsufficientBalance,
// or _OTHER. This bounds the number of time series. The IDs of users and
// purchases are attributes of spans only. Neither spans nor metrics contain a
// secret.
package gloebitotel
