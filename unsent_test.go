package gloebit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// TestUnsentTransaction checks that the outcome is unknown only if there was a
// connection on which the transaction could be sent.
func TestUnsentTransaction(t *testing.T) {
	refusingProxy := testkit.RawServer(t, func(*http.Request, string) string { return testkit.BadStatus("403 Forbidden") })
	silent := strings.Replace(
		testkit.RawServer(t, func(*http.Request, string) string { return "" }), "http://", "https://", 1,
	)
	silentPlain := testkit.RawServer(t, func(*http.Request, string) string { return "" })
	through := func(proxy string) *http.Transport {
		return &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(proxy) }}
	}
	for name, test := range map[string]struct {
		server    string
		transport http.RoundTripper
		doubt     bool
	}{
		"proxy refuses":          {"https://gloebit.example/", through(refusingProxy), false},
		"TLS fails":              {silent, &http.Transport{}, false},
		"nothing listens":        {"http://" + testkit.ClosedPort(t), &http.Transport{}, false},
		"answer lost":            {silentPlain, &http.Transport{}, true},
		"repeated, then refused": {silentPlain, twoWays{&http.Transport{}, through("http://" + testkit.ClosedPort(t))}, true},
		"transport that hides":   {silentPlain, hiding{&http.Transport{}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			client, merchant, _ := clientOf(t, nil, func(c *gloebit.Config, _ *connect.Credential) {
				c.Provider, c.HTTPClient = gloebit.ProviderAt(test.server), &http.Client{Transport: test.transport}
			})
			merchant.RetryWithin(time.Millisecond)
			receipt, err := client.PurchaseItem(t.Context(), gloebit.ItemOrder{
				IdempotencyKey: "k", Item: "hat", Price: 1, Quantity: 1, Username: "ann",
			})
			require.ErrorIs(t, err, gloebit.ErrUnavailable)
			require.Equal(t, gloebit.OutcomeUnknown, receipt.Outcome)
			if test.doubt {
				require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
			} else {
				require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)
			}
		})
	}
}

// hiding is a transport that passes no context on, so that no httptrace sees
// it.
type hiding struct{ next http.RoundTripper }

func (h hiding) RoundTrip(r *http.Request) (*http.Response, error) {
	return h.next.RoundTrip(r.Clone(context.Background()))
}

// twoWays is a transport that sends a request a second time, over another
// transport.
type twoWays struct{ first, second http.RoundTripper }

func (p twoWays) RoundTrip(r *http.Request) (*http.Response, error) {
	again := r.Clone(r.Context())
	again.Body, _ = r.GetBody()
	if resp, err := p.first.RoundTrip(r); err == nil {
		return resp, nil
	}
	return p.second.RoundTrip(again)
}

func TestUnsentTransactionHasKnownOutcome(t *testing.T) {
	untrusted := httptest.NewTLSServer(http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { t.Error("it was sent") },
	))
	untrusted.Config.ErrorLog = nil
	t.Cleanup(untrusted.Close)
	client, _, _ := clientOf(t, nil, func(c *gloebit.Config, _ *connect.Credential) {
		c.Provider = gloebit.ProviderAt(untrusted.URL)
	})
	_, err := client.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
	require.ErrorIs(t, err, gloebit.ErrUnavailable)
	require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Transact(ctx, gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)
}

func TestRefusedConnectionHasKnownOutcome(t *testing.T) {
	client, _, _ := clientOf(t, nil, func(c *gloebit.Config, _ *connect.Credential) {
		c.Provider = gloebit.ProviderAt("http://127.0.0.1:1") // no server listens there
	})
	_, err := client.PurchaseItem(t.Context(), gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "hat", Price: 1, Quantity: 1,
	})
	require.ErrorIs(t, err, gloebit.ErrUnavailable)
	require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)
}
