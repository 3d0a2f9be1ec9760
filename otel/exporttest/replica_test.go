package exporttest_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/ledger"
	gloebitotel "github.com/go-gloebit/gloebit/otel"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	_ "modernc.org/sqlite"
)

const holdKey = gloebit.Secret("a signing key that has 32 bytes, or more")

// shop is what the replicas share: a Gloebit, a database and a trace receiver.
type shop struct {
	t        *testing.T
	shop     *testkit.Shop
	receiver *receiver
	file     string // the database
	config   func(*gloebit.Config)
}

func newShop(t *testing.T) *shop {
	t.Helper()
	return &shop{
		t: t, receiver: newReceiver(t), file: filepath.Join(t.TempDir(), "shop.db"),
		shop: testkit.NewShop(t, gloebittest.Config{
			Queue: gloebittest.Queue{Manual: true}, TokenLifetime: time.Hour, RefreshTokens: true,
		}),
	}
}

// replica is one process of the shop.
type replica struct {
	merchant *gloebit.Merchant
	ledger   *ledger.Ledger
	tracing  *sdktrace.TracerProvider
	metrics  *metric.MeterProvider
	registry *client.Registry
	db       *sql.DB
}

// start starts a replica, which serves the shop from now on.
func (s *shop) start(name string, fulfiller ledger.Fulfiller) *replica {
	s.t.Helper()
	r := &replica{registry: client.NewRegistry()}
	exporter, err := otlptracehttp.New(s.t.Context(), otlptracehttp.WithEndpointURL(s.receiver.server.URL+"/v1/traces"))
	require.NoError(s.t, err)
	process := resource.NewSchemaless(
		attribute.String("service.name", "shop"), attribute.String("service.instance.id", name),
	)
	r.tracing = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(process))
	reader, err := prometheus.New(prometheus.WithRegisterer(r.registry))
	require.NoError(s.t, err)
	r.metrics = metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(process))
	telemetry, err := gloebitotel.New(gloebitotel.Config{TracerProvider: r.tracing, MeterProvider: r.metrics})
	require.NoError(s.t, err)

	r.db, err = sql.Open("sqlite", s.file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	require.NoError(s.t, err)
	credentials, err := sqlstore.New(sqlstore.Config{DB: r.db, Dialect: sqlstore.SQLite})
	require.NoError(s.t, err)
	require.NoError(s.t, credentials.Migrate(s.t.Context()))
	purchases := sqlledger.New(credentials)
	require.NoError(s.t, purchases.Migrate(s.t.Context()))

	config := s.shop.Config()
	config.States, config.Tokens, config.Trace, config.SignIn = credentials, credentials, telemetry.Gloebit(), true
	config.Provider.PKCE = true
	if s.config != nil {
		s.config(&config)
	}
	r.merchant, err = gloebit.New(config)
	require.NoError(s.t, err)
	r.ledger, err = ledger.New(ledger.Config{
		Merchant: r.merchant, Store: purchases, Fulfiller: fulfiller, CallbackURL: s.shop.Server.URL + "/gloebit/hold",
		Keys: []gloebit.Secret{holdKey}, Trace: telemetry.Ledger(), RetryAfter: time.Millisecond,
	})
	require.NoError(s.t, err)
	_, err = telemetry.Observe(r.ledger)
	require.NoError(s.t, err)
	s.shop.Serve(s.handler(r))
	return r
}

// handler is the shop's site.
func (s *shop) handler(r *replica) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", r.merchant.Handler())
	mux.Handle("/gloebit/hold/", r.ledger.Handler())
	mux.Handle("/buy", r.merchant.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, span := r.tracing.Tracer("shop").Start(req.Context(), "POST /buy")
		defer span.End()
		_, err := r.ledger.Purchase(ctx, gloebit.MustFromContext(ctx), ledger.Order{
			IdempotencyKey: req.FormValue("key"), Item: "hat", Price: 100, Quantity: 1,
		})
		if err != nil {
			r.merchant.HandleError(w, req, err)
		}
	})))
	return mux
}

// stop ends a replica, as a process ends.
func (s *shop) stop(r *replica) {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	require.NoError(s.t, r.tracing.Shutdown(ctx))
	require.NoError(s.t, r.metrics.Shutdown(ctx))
	require.NoError(s.t, r.db.Close())
}

// browser is alice's, who approves every request. It reports what it visits.
func (s *shop) browser(visit func(*http.Request)) *http.Client {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	s.t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		visit(r)
		return nil
	}}
}

// get loads a page of the shop.
func (s *shop) get(browser *http.Client, path string) int {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.shop.Server.URL+path, nil)
	require.NoError(s.t, err)
	request.Header.Set("Sec-Fetch-Mode", "navigate")
	request.Header.Set("Accept", "text/html")
	response, err := browser.Do(request)
	require.NoError(s.t, err)
	require.NoError(s.t, response.Body.Close())
	return response.StatusCode
}

// goods are a Fulfiller whose Deliver may fail.
type goods struct{ fails error }

func (goods) Reserve(context.Context, ledger.Purchase) error   { return nil }
func (g goods) Deliver(context.Context, ledger.Purchase) error { return g.fails }
func (goods) Release(context.Context, ledger.Purchase) error   { return nil }
