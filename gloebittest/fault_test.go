package gloebittest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestFaultsThatAnswer(t *testing.T) {
	tests := map[string]struct {
		fault       gloebittest.Fault
		status      int
		contentType string
		body        string
		charged     bool
	}{
		"a status": {
			gloebittest.Fault{Status: 500}, 500, "text/plain; charset=utf-8", "Internal Server Error\n", false,
		},
		"a status afterwards": {
			gloebittest.Fault{Status: 502, After: true}, 502, "text/plain; charset=utf-8", "Bad Gateway\n", true,
		},
		"a reason": {
			gloebittest.Fault{Reason: "token has expired"}, 200, "application/json",
			`{"reason":"token has expired","success":false}`, false,
		},
		"a status with a reason": {
			gloebittest.Fault{Status: 503, Reason: "down"}, 503, "application/json", `{"reason":"down","success":false}`, false,
		},
		"a page": {
			gloebittest.Fault{Body: "<h1>Oops</h1>", ContentType: "text/html"}, 200, "text/html", "<h1>Oops</h1>", false,
		},
		"a body": {
			gloebittest.Fault{Body: `{"success":false,"status":"queuing-failed"}`}, 200, "application/json",
			`{"success":false,"status":"queuing-failed"}`, false,
		},
		"half of the true answer": {gloebittest.Fault{TruncateAt: 6}, 200, "application/json", `{"id":`, true},
		"half of a body": {
			gloebittest.Fault{TruncateAt: 6, Body: `{"success":true}`}, 200, "application/json", `{"succ`, false,
		},
		"latency alone": {gloebittest.Fault{Latency: time.Millisecond, TruncateAt: 1}, 200, "application/json", `{`, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, gloebittest.Config{})
			token := w.token("transact")
			test.fault.Path, test.fault.Times = "/transact/", 1
			test.fault.Header = http.Header{"retry-after": {"7"}}
			w.server.Inject(test.fault)
			body := w.order(map[string]any{"product": "green-hat"})
			response, err := w.client.Do(w.request(http.MethodPost, "transact", token, body))
			require.NoError(t, err)
			defer func() { _ = response.Body.Close() }()
			text, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, test.status, response.StatusCode)
			require.Equal(t, test.contentType, response.Header.Get("Content-Type"))
			require.Equal(t, "7", response.Header.Get("Retry-After"))
			require.Equal(t, test.body, string(text))
			require.Equal(t, test.charged, len(w.server.Transactions()) == 1)
			got := w.post("transact", token, body)
			require.Equal(t, true, got.json["success"], "the fault applied to one request")
			require.Equal(t, "960.5", w.server.Balance("alice"))
		})
	}
}

func TestFaultsThatCloseTheConnection(t *testing.T) {
	for name, test := range map[string]struct {
		fault   gloebittest.Fault
		answers bool
		charged bool
	}{
		"without an answer":      {gloebittest.Fault{Drop: true}, false, false},
		"after the work is done": {gloebittest.Fault{Drop: true, After: true}, false, true},
		"within the answer":      {gloebittest.Fault{Drop: true, TruncateAt: 5}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, gloebittest.Config{})
			token, body := w.token("transact"), w.order(map[string]any{"product": "green-hat"})
			test.fault.Times = 1
			w.server.Inject(test.fault)
			response, err := w.client.Do(w.request(http.MethodPost, "transact", token, body))
			require.Equal(t, test.answers, err == nil)
			if test.answers {
				text, err := io.ReadAll(response.Body)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				require.Len(t, text, 5)
				require.NoError(t, response.Body.Close())
			}
			require.Equal(t, test.charged, len(w.server.Transactions()) == 1)
			reason := map[bool]string{true: "resubmitted", false: "success"}[test.charged]
			require.Equal(t, reason, w.post("transact", token, body).json["reason"])
			require.Equal(t, "960.5", w.server.Balance("alice"))
		})
	}
}

func TestFaultMatching(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token(allScopes()...)
	status := func(path string) int { return w.get(path, token).status }

	w.server.Inject(gloebittest.Fault{Status: 500, Path: "balance", Times: 2})
	w.server.Inject(gloebittest.Fault{Status: 429, Path: "balance", Times: 1})
	require.Equal(t, 200, status("id"))
	require.Equal(t, []int{500, 500, 429, 200}, []int{
		status("balance"), status("balance/"), status("balance"), status("balance"),
	})

	w.server.Inject(gloebittest.Fault{Status: 500, Path: "consume-user-product"})
	require.Equal(t, 500, w.post("consume-user-product/green-hat/1", token, "").status)
	require.Equal(t, 500, w.post("consume-user-product", token, "").status)
	require.Equal(t, 404, status("consume-user-products"))

	w.server.Inject(gloebittest.Fault{Status: 503, Match: func(r gloebittest.Request) bool {
		return r.RawQuery == "a=1"
	}})
	require.Equal(t, 503, status("id?a=1"))
	require.Equal(t, 503, status("oauth2/authorize?a=1"))
	require.Equal(t, 200, status("id"))
	w.server.ClearFaults()
	require.Equal(t, 200, status("id?a=1"))
}

func TestLatencyEndsWhenCallerDisconnects(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	w.server.Inject(gloebittest.Fault{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := w.client.Do(w.request(http.MethodPost, "transact", w.token("transact"), w.order(nil)).WithContext(ctx))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, w.server.Transactions())
}

func TestDropPanicsWithErrAbortHandler(t *testing.T) {
	g := gloebittest.New(gloebittest.Config{})
	g.Inject(gloebittest.Fault{Drop: true})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/balance", nil))
	})
}

func TestRequestsAreRecorded(t *testing.T) {
	w := newWorld(t, gloebittest.Config{RequestLog: 3})
	w.server.Inject(gloebittest.Fault{Status: 500, Path: "balance"})
	w.get("id", "")
	w.get("balance", "")
	w.post("consume-user-product/a%20b%2Fc/1/?x=1", "secret", `{"a":1}`)
	w.post("transact", "", strings.Repeat("x", 100_000))
	got := w.server.Requests()
	require.Len(t, got, 3, "the oldest is forgotten")
	require.Equal(t, "/balance", got[0].Path)
	require.Equal(t, http.MethodPost, got[1].Method)
	require.Equal(t, "/consume-user-product/a%20b%2Fc/1/", got[1].Path)
	require.Equal(t, "x=1", got[1].RawQuery)
	require.Equal(t, "Bearer secret", got[1].Header.Get("Authorization"))
	require.Equal(t, `{"a":1}`, got[1].Body)
	require.Equal(t, w.clock.Now(), got[1].Time)
	require.Len(t, got[2].Body, 64<<10)
	w.server.ResetRequests()
	require.Empty(t, w.server.Requests())

	none := newWorld(t, gloebittest.Config{RequestLog: -1})
	none.get("id", "")
	require.Empty(t, none.server.Requests())
}

func TestRecordedRequestsAreBoundedInSize(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	g := w.server.Gloebit
	body := strings.Repeat("x", 64<<10)
	for range 1030 {
		g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(body)))
	}
	require.Len(t, g.Requests(), 1024, "64 MiB of bodies")
}
