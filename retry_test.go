package gloebit_test

import (
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

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

// TestRetryAfterByTheServersClock has a server whose clock is an hour ahead, or
// behind.
func TestRetryAfterByTheServersClock(t *testing.T) {
	for name, skew := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
				now := time.Now().Add(skew).UTC()
				w.Header().Set("Date", now.Format(http.TimeFormat))
				w.Header().Set("Retry-After", now.Add(7*time.Second).Format(http.TimeFormat))
				w.WriteHeader(http.StatusTooManyRequests)
			})
			_, err := client.CreateInventoryItem(t.Context(), gloebit.Item{Type: "hat"}) // which is not retried
			var failure *gloebit.APIError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, 7*time.Second, failure.RetryAfter)
		})
	}
}

// TestReplyIsReadToItsEnd checks that a reply counts if the connection breaks
// after the whole object: the gloebits were spent, and the item consumed.
func TestReplyIsReadToItsEnd(t *testing.T) {
	for path, call := range calls {
		t.Run(path, func(t *testing.T) {
			var attempts atomic.Int32
			client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				attempts.Add(1)
				body, _ := io.ReadAll(r.Body)
				var sent struct {
					ID string `json:"id"`
				}
				_ = json.Unmarshal(body, &sent)
				w.Header().Set("Content-Length", "500")
				_, _ = io.WriteString(w, `{"success":true,"reason":"success","status":"queued","id":"`+cmp.Or(sent.ID, "g-1")+
					`","name":"ann","balance":1,"products":{},"count":1,"product-count":1}`+"\n")
			})
			require.NoError(t, call(t.Context(), client))
			require.EqualValues(t, 1, attempts.Load(), "sent once")
		})
	}
}

func TestOnlyRepeatableCallsAreRepeated(t *testing.T) {
	faults := map[string]http.HandlerFunc{
		"429":                answering(429, ``),
		"500":                answering(500, ``),
		"503":                answering(503, ``),
		"dropped connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut off body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"success":`)
		},
		"cut off body without a length": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"success\":")
				_ = conn.Close()
			}
		},
	}
	for name, fault := range faults {
		for path, call := range calls {
			t.Run(name+" at "+path, func(t *testing.T) {
				var attempts atomic.Int32
				client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
					attempts.Add(1)
					fault(w, r)
				})
				require.Error(t, call(t.Context(), client))
				if path == "consume-user-product" {
					require.EqualValues(t, 1, attempts.Load(), "sent once")
				} else {
					require.EqualValues(t, 4, attempts.Load(), "sent four times")
				}
			})
		}
	}
}

// TestCompressedReplyIsWhole checks that a body that net/http has decompressed,
// whose length is then unknown, does not count as cut off.
func TestCompressedReplyIsWhole(t *testing.T) {
	var attempts atomic.Int32
	client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		attempts.Add(1)
		w.Header().Set("Content-Encoding", "gzip")
		body := gzip.NewWriter(w)
		_, _ = io.WriteString(body, `{"success":`)
		_ = body.Close()
	})
	_, err := client.Balance(t.Context())
	require.ErrorIs(t, err, gloebit.ErrInvalidResponse)
	require.EqualValues(t, 1, attempts.Load(), "sent once")
}

func TestLostTransactResponseIsRetriedWithSameID(t *testing.T) {
	for name, outcome := range map[string]struct {
		second  string
		success bool
		final   bool
	}{
		"resubmitted": {`{"success":true,"status":"queued","reason":"resubmitted"}`, true, true},
		"already created": {
			`{"success":false,"status":"failed","reason":"transaction already created"}`, true, true,
		},
		"it had not arrived, no G$":   {`{"success":false,"status":"queued","reason":"insufficient balance"}`, false, true},
		"the token died in between":   {`{"success":false,"reason":"unknown OAuth2 token"}`, false, false},
		"an unknown reason":           {`{"success":false,"reason":"hm"}`, false, false},
		"an answer that is not there": {``, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var ids []string
			client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				var body struct{ ID string }
				_ = json.NewDecoder(r.Body).Decode(&body)
				mu.Lock()
				defer mu.Unlock()
				ids = append(ids, body.ID)
				if len(ids) == 1 || outcome.second == "" {
					panic(http.ErrAbortHandler)
				}
				_, _ = io.WriteString(w, outcome.second)
			})
			receipt, err := client.PurchaseItem(t.Context(), gloebit.ItemOrder{
				IdempotencyKey: uuid.NewString(), Item: "hat", Price: 1, Quantity: 1,
			})
			require.NotEmpty(t, receipt.TransactionID)
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				require.Equal(t, receipt.TransactionID, id)
			}
			if outcome.success {
				require.NoError(t, err)
				require.Equal(t, gloebit.OutcomeResubmitted, receipt.Outcome)
				return
			}
			require.Error(t, err)
			if outcome.final {
				require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)
			} else {
				require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
			}
		})
	}
}

func TestDeadlineLimitsRetryAfter(t *testing.T) {
	client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := client.Balance(ctx) // would take an hour
	require.ErrorIs(t, err, gloebit.ErrRateLimited)
	var failure *gloebit.APIError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, time.Hour, failure.RetryAfter)

	_, err = client.Balance(t.Context())
	require.ErrorIs(t, err, gloebit.ErrRateLimited, "nor is there a wait of an hour without a deadline")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Balance(ended)
	require.ErrorIs(t, err, context.Canceled)
}

func TestPendingAndQueuingFailedAreRetried(t *testing.T) {
	for _, first := range []string{
		`{"success":false,"status":"queued","reason":"pending"}`, `{"success":false,"status":"queuing-failed"}`,
	} {
		var mu sync.Mutex
		var ids []string
		client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			var body struct{ ID string }
			_ = json.NewDecoder(r.Body).Decode(&body)
			mu.Lock()
			defer mu.Unlock()
			if ids = append(ids, body.ID); len(ids) < 3 {
				_, _ = io.WriteString(w, first)
				return
			}
			_, _ = io.WriteString(w, `{"success":true,"status":"queued","reason":"success"}`)
		})
		receipt, err := client.Transact(t.Context(), gloebit.Transaction{ID: "same", Total: 1})
		require.NoError(t, err)
		require.Equal(t, gloebit.OutcomeQueued, receipt.Outcome)
		require.Equal(t, []string{"same", "same", "same"}, ids)
	}
}

func TestRetryAfterIsFollowed(t *testing.T) {
	t.Parallel()
	var times []time.Time
	client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		times = append(times, time.Now())
		if len(times) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"success":true,"balance":1}`)
	})
	_, err := client.Balance(t.Context())
	require.NoError(t, err)
	require.Len(t, times, 2)
	require.GreaterOrEqual(t, times[1].Sub(times[0]), time.Second)
}

func TestRetryBeyondDeadlineIsNotAttempted(t *testing.T) {
	client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "5")
		_, _ = io.WriteString(w, `{"success":false,"status":"queuing-failed"}`)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	start := time.Now()
	_, err := client.Transact(ctx, gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
	require.ErrorIs(t, err, gloebit.ErrQueuingFailed)
	require.Less(
		t, time.Since(start), 2*time.Second, "Retry-After is followed on any answer, so there is nothing to wait for",
	)
}
