package ledger_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestHangingReserveOfAKeptCallback(t *testing.T) {
	t.Parallel()
	for name, pass := range map[string]func(*quiet){
		"Run": func(q *quiet) {
			stop := q.run()
			time.Sleep(10 * time.Minute)
			q.wantState("other", ledger.Delivered)
			require.ErrorIs(q.t, stop(), context.Canceled)
			require.Contains(q.t, q.log.String(), "left a purchase whose step does not end\" purchase=hung")
		},
		"Reconcile": func(q *quiet) { require.NoError(q.t, q.ledger.Reconcile(q.t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q, end := newQuiet(t, nil), make(chan struct{})
				q.goods.reserve = func(_ context.Context, p ledger.Purchase) error {
					if p.ID == "hung" {
						<-end
					}
					return nil
				}
				repair := q.failingChanges("")
				for _, id := range []string{"hung", "other"} {
					q.put(id, ledger.Accepted, false)
					require.Equal(t, 503, q.call(id, "consume").Code)
				}
				repair()
				began := time.Now()
				pass(q)
				require.Less(t, time.Since(began), 11*time.Minute)
				q.wantState("other", ledger.Delivered)
				close(end)
				time.Sleep(time.Minute)
				require.NoError(t, q.ledger.Reconcile(t.Context()))
				q.wantState("hung", ledger.Delivered)
			})
		})
	}
}
