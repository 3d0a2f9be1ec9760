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

// TestRetryAfter checks how Retry-After is read, and that the browser gets it.
func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-1": 0, "99999999999": 1e6 * time.Second,
		"3600.5": time.Minute, "1h": time.Minute, "2026-11-28T10:00:00Z": time.Minute,
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): 0, "Fri, 31 Dec 2160 23:59:59 GMT": 1e6 * time.Second,
	} {
		t.Run(value, func(t *testing.T) {
			client, merchant, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", value)
				w.WriteHeader(http.StatusTooManyRequests)
			})
			merchant.RetryWithin(time.Millisecond)
			_, err := client.CreateInventoryItem(t.Context(), gloebit.Item{Type: "hat"}) // which is not retried
			var failure *gloebit.APIError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, want, failure.RetryAfter)
			recorder := httptest.NewRecorder()
			merchant.HandleError(recorder, httptest.NewRequest(http.MethodGet, "/", nil), err)
			require.Equal(t, http.StatusServiceUnavailable, recorder.Code)
			if want > 0 {
				require.NotEmpty(t, recorder.Header().Get("Retry-After"))
			} else {
				require.Empty(t, recorder.Header().Get("Retry-After"))
			}
		})
	}
}
