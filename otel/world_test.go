package gloebitotel_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	gloebitotel "github.com/go-gloebit/gloebit/otel"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// world is a shop that alice is connected to, and what its telemetry reports.
type world struct {
	gloebit  *gloebittest.Server
	merchant *gloebit.Merchant
	ledger   *ledger.Ledger
	spans    *tracetest.SpanRecorder
	tracing  *sdktrace.TracerProvider
	metrics  *metric.ManualReader
}

type fulfiller struct{ deliver func(context.Context) error }

func (fulfiller) Reserve(context.Context, ledger.Purchase) error { return nil }
func (fulfiller) Release(context.Context, ledger.Purchase) error { return nil }

func (f fulfiller) Deliver(ctx context.Context, _ ledger.Purchase) error {
	if f.deliver == nil {
		return nil
	}
	return f.deliver(ctx)
}

func newWorld(t *testing.T, changes ...func(*gloebit.Config, *ledger.Config)) *world {
	t.Helper()
	w := &world{
		gloebit: gloebittest.NewServerConfig(gloebittest.Config{Queue: gloebittest.Queue{Manual: true}}),
		spans:   tracetest.NewSpanRecorder(), metrics: metric.NewManualReader(),
	}
	t.Cleanup(w.gloebit.Close)
	mux := http.NewServeMux()
	shop := httptest.NewServer(mux)
	t.Cleanup(shop.Close)
	app, err := w.gloebit.AddApplication(gloebittest.Application{Name: "Shop", RedirectPrefixes: []string{shop.URL + "/"}})
	require.NoError(t, err)
	_, err = w.gloebit.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)

	w.tracing = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w.spans))
	telemetry, err := gloebitotel.New(gloebitotel.Config{
		TracerProvider: w.tracing, MeterProvider: metric.NewMeterProvider(metric.WithReader(w.metrics)),
	})
	require.NoError(t, err)
	tokens := &gloebit.MemoryTokenStore{}
	config := gloebit.Config{
		ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret), RedirectURL: shop.URL + "/gloebit/callback",
		Provider: gloebit.ProviderAt(w.gloebit.URL), Tokens: tokens, Trace: telemetry.Gloebit(),
	}
	purchases := ledger.Config{
		Fulfiller: fulfiller{}, CallbackURL: shop.URL + "/gloebit/hold",
		Keys: []gloebit.Secret{"a key that has 32 bytes, or more."}, Trace: telemetry.Ledger(),
	}
	for _, change := range changes {
		change(&config, &purchases)
	}
	w.merchant, err = gloebit.New(config)
	require.NoError(t, err)
	purchases.Merchant = w.merchant
	w.ledger, err = ledger.New(purchases)
	require.NoError(t, err)
	mux.Handle("/gloebit/", w.merchant.Handler())
	mux.Handle("/gloebit/hold/", w.ledger.Handler())
	registration, err := telemetry.Observe(w.ledger)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, registration.Unregister()) })

	token, err := w.gloebit.IssueToken(app.Key, "alice", "transact", "balance")
	require.NoError(t, err)
	key := connect.Key{Realm: w.merchant.Realm(), ID: "alice"}
	require.NoError(t, tokens.Update(t.Context(), key, func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: gloebit.Secret(token), Scopes: []gloebit.Scope{gloebit.ScopeTransact}}, nil
	}))
	return w
}

func (w *world) buy(ctx context.Context, t *testing.T, order ledger.Order) (ledger.Purchase, error) {
	t.Helper()
	client, err := w.merchant.Client(t.Context(), "alice")
	require.NoError(t, err)
	order.Item, order.Quantity, order.Username = "hat", 1, "Alice"
	return w.ledger.Purchase(ctx, client, order)
}
