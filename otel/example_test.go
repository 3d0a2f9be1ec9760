package gloebitotel_test

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	gloebitotel "github.com/go-gloebit/gloebit/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func Example() {
	var (
		exporter sdktrace.SpanExporter // such as otlptracehttp.New(ctx)
		reader   metric.Reader         // such as prometheus.New(), an exporter
		config   gloebit.Config
		shop     ledger.Config
	)

	tracing := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	metrics := metric.NewMeterProvider(metric.WithReader(reader))
	telemetry, err := gloebitotel.New(gloebitotel.Config{TracerProvider: tracing, MeterProvider: metrics})
	check(err)
	logger := slog.New(gloebitotel.NewHandler(slog.NewJSONHandler(os.Stderr, nil))) // with trace_id and span_id

	config.Trace, config.Logger = telemetry.Gloebit(), logger
	merchant, err := gloebit.New(config)
	check(err)
	shop.Merchant, shop.Trace, shop.Logger = merchant, telemetry.Ledger(), logger
	purchases, err := ledger.New(shop)
	check(err)
	_, err = telemetry.Observe(purchases) // gauges of unfinished, stuck, overdue and unreported purchases
	check(err)

	http.Handle("/gloebit/hold/", purchases.Handler())
	defer func() { _ = tracing.Shutdown(context.Background()) }()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
