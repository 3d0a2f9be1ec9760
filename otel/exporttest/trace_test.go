package exporttest_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTraceOverReplicas buys on one replica, handles the callbacks on another,
// and delivers after a restart.
func TestTraceOverReplicas(t *testing.T) {
	s := newShop(t)
	first := s.start("first", goods{})
	browser := s.browser(func(*http.Request) {})
	require.Equal(t, http.StatusOK, s.get(browser, "/buy?key=1"))
	second := s.start("second", goods{fails: errors.New("the warehouse is closed")})
	require.NoError(t, s.shop.Gloebit.Settle(t.Context()))
	s.stop(first)
	s.stop(second)

	restarted := s.start("restarted", goods{})
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(t, restarted.ledger.Reconcile(t.Context()))
		purchases, err := restarted.ledger.List(t.Context(), ledger.Query{})
		require.NoError(t, err)
		assert.Equal(c, ledger.Delivered, purchases[0].State)
	}, 10*time.Second, 10*time.Millisecond)
	s.stop(restarted)

	request := s.receiver.of("first", "POST /buy")[0]
	for replica, names := range map[string][]string{
		"first":     {"purchase order", "purchase send", "gloebit transact", "purchase accepted"},
		"second":    {"purchase enact", "fulfiller Reserve", "purchase consume", "purchase deliver", "fulfiller Deliver"},
		"restarted": {"purchase deliver", "fulfiller Deliver"},
	} {
		for _, name := range names {
			for _, span := range s.receiver.of(replica, name) {
				require.Equal(t, request.TraceId, span.TraceId, "%s of %s", name, replica)
			}
		}
	}
	known := map[string]bool{string(request.ParentSpanId): true}
	for _, span := range s.receiver.all() {
		known[string(span.SpanId)] = true
	}
	for _, span := range s.receiver.all() {
		require.True(t, known[string(span.ParentSpanId)], "the parent of %s has come", span.Name)
	}
	require.Equal(t, "the warehouse is closed", s.receiver.of("second", "fulfiller Deliver")[0].Status.Message)
}
