package console_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const many = 1201 // more than two queries
	for i := range many {
		w.put(fmt.Sprintf("p%04d", i), ledger.Delivered, func(p *ledger.Purchase) { p.PaidAt = p.CreatedAt })
	}
	w.put("refused", ledger.Refused, nil)

	table, err := csv.NewReader(w.get("ann:read", "?view=export&format=csv&state=delivered").Body).ReadAll()
	require.NoError(t, err)
	require.Len(t, table, 1+many)
	require.Equal(t, []string{"id", "created_at", "user_id"}, table[0][:3])
	require.Equal(t, "p1200", table[1][0])
	require.Equal(t, "100", table[1][10])

	answer := w.get("ann:read", "?view=export&format=json")
	require.Contains(t, answer.Header().Get("Content-Disposition"), ".json")
	var list []ledger.Purchase
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &list))
	require.Len(t, list, many+1)
	require.Equal(t, w.purchase("refused"), list[0])

	require.Equal(t, "[]\n", w.get("ann:read", "?view=export&format=json&state=created").Body.String())
	require.Equal(t, 1, strings.Count(w.get("ann:read", "?view=export&format=csv&state=created").Body.String(), "\n"))
}

func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "a\"b,c\nd", "hat"} {
		w := newWorld(t, nil)
		w.put("p1", ledger.Delivered, func(p *ledger.Purchase) {
			p.UserID, p.Username, p.Item, p.Cause = text, text, text, text
		})
		body := w.get("ann:read", "?view=export&format=csv").Body.String()
		table, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		require.NoError(t, err)
		for _, column := range []int{2, 4, 5, 16} {
			cell := table[1][column]
			require.NotContains(t, "=+-@\t\r\n", cell[:1], "%q", cell)
			require.Equal(t, strings.ReplaceAll(text, "\r", ""), strings.NewReplacer("'", "", "\r", "").Replace(cell))
		}
	}
}

// endless is a store whose list never ends.
type endless struct {
	ledger.Store
	lists atomic.Int64
	fails int64 // the query that fails, if not 0
}

func (s *endless) List(ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
	n := s.lists.Add(1)
	if n == s.fails {
		return nil, errBroken
	}
	list := make([]ledger.Purchase, q.PageSize())
	for i := range list {
		list[i] = ledger.Purchase{
			Realm: q.Realm, ID: fmt.Sprint(n, ".", i), State: ledger.Delivered, CreatedAt: time.Unix(1, 0),
		}
	}
	return list, ctx.Err()
}

func TestAnExportEndsWithItsBrowser(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"csv", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			store := &endless{}
			w := newWorld(t, func(ledger.Store) ledger.Store { return store })
			ended := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				defer close(ended)
				r.Header.Set("Operator", "ann:read")
				w.handler.ServeHTTP(rw, r)
			}))
			defer server.Close()
			ctx, leave := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"?view=export&format="+format, nil)
			require.NoError(t, err)
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			_, err = io.CopyN(io.Discard, answer.Body, 1<<20)
			require.NoError(t, err)
			leave()
			_ = answer.Body.Close()
			<-ended
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

func TestAnExportThatFailsIsCutOff(t *testing.T) {
	t.Parallel()
	store := &endless{fails: 3}
	w := newWorld(t, func(ledger.Store) ledger.Store { return store })
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Header.Set("Operator", "ann:read")
		w.handler.ServeHTTP(rw, r)
	}))
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "?view=export&format=csv")
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	_, err = io.Copy(io.Discard, answer.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Contains(t, w.log.String(), "an export ended early")
}
