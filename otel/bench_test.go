package gloebitotel_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	gloebitotel "github.com/go-gloebit/gloebit/otel"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// discard is an exporter.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                             { return nil }

// BenchmarkRequest is a request of a connected user whose handler asks Gloebit,
// on loopback, for the balance.
func BenchmarkRequest(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"success":true,"balance":960}`)
	}))
	defer server.Close()
	tracing := sdktrace.NewTracerProvider(sdktrace.WithBatcher(discard{}))
	defer func() { require.NoError(b, tracing.Shutdown(context.Background())) }()
	telemetry, err := gloebitotel.New(gloebitotel.Config{
		TracerProvider: tracing, MeterProvider: metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
	})
	require.NoError(b, err)
	for name, trace := range map[string]*gloebit.Trace{"without": nil, "with": telemetry.Gloebit()} {
		b.Run(name, func(b *testing.B) {
			tokens := &gloebit.MemoryTokenStore{}
			merchant, err := gloebit.New(gloebit.Config{
				ClientID: "id", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
				Provider: gloebit.ProviderAt(server.URL), Tokens: tokens, Trace: trace,
				User: func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "alice"}, nil },
			})
			require.NoError(b, err)
			key := connect.Key{Realm: merchant.Realm(), ID: "alice"}
			require.NoError(b, tokens.Update(b.Context(), key, func(
				context.Context, *connect.Credential,
			) (*connect.Credential, error) {
				return &connect.Credential{AccessToken: "token", Scopes: []gloebit.Scope{gloebit.ScopeBalance}}, nil
			}))
			handler := merchant.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := gloebit.MustFromContext(r.Context()).Balance(r.Context()); err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
				}
			}))
			b.ReportAllocs()
			for b.Loop() {
				page := httptest.NewRecorder()
				handler.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/", nil))
				require.Equal(b, http.StatusOK, page.Code)
			}
		})
	}
}
