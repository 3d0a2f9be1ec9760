package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/go-gloebit/gloebit"
	gloebitotel "github.com/go-gloebit/gloebit/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
)

// telemetryPair loads a page behind RequireGloebit that shows the balance, with
// and without a Trace for OpenTelemetry. The shop and Gloebit are servers on
// the loopback interface. Every span is sampled and passed, in batches, to an
// exporter that drops it, and every duration is recorded.
func telemetryPair(ctx context.Context) (_ *Pair, err error) {
	server := balanceServer()
	closers := []func(){server.Close}
	spans := trace.NewTracerProvider(trace.WithBatcher(dropped{}))
	pair := &Pair{Close: func() error {
		for _, closer := range closers {
			closer()
		}
		return spans.Shutdown(context.WithoutCancel(ctx))
	}}
	defer func() {
		if err != nil {
			pair.close(&err)
		}
	}()
	telemetry, err := gloebitotel.New(gloebitotel.Config{
		TracerProvider: spans, MeterProvider: metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
	})
	if err != nil {
		return nil, err
	}
	for side, trace := range map[*Side]*gloebit.Trace{&pair.Ours: telemetry.Gloebit(), &pair.Peer: nil} {
		merchant, err := merchantAt(ctx, server.URL, trace)
		if err != nil {
			return nil, err
		}
		shop := httptest.NewServer(merchant.RequireGloebit(http.HandlerFunc(showBalance)))
		closers = append(closers, shop.Close)
		*side = pageOf(ctx, shop.URL)
	}
	return pair, nil
}

// showBalance is the shop's page.
func showBalance(w http.ResponseWriter, r *http.Request) {
	balance, err := gloebit.MustFromContext(r.Context()).Balance(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprint(w, balance)
}

// pageOf loads the shop's page as alice.
func pageOf(ctx context.Context, shop string) Side {
	client := &http.Client{Transport: newTransport(), Timeout: patience}
	var page []byte
	return Side{
		Do: func() error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, shop, nil)
			if err != nil {
				return err
			}
			request.Header.Set(userHeader, alice)
			response, err := client.Do(request)
			if err != nil {
				return err
			}
			defer func() { _ = response.Body.Close() }()
			page, err = io.ReadAll(response.Body)
			return err
		},
		Answer: func() string { return string(page) },
	}
}

// dropped is an exporter that drops its spans.
type dropped struct{}

func (dropped) ExportSpans(context.Context, []trace.ReadOnlySpan) error { return nil }
func (dropped) Shutdown(context.Context) error                          { return nil }
