package ledger_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestCursorRoundTrip(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	p := ledger.Purchase{ID: "id.with.dots", CreatedAt: at}
	got, err := ledger.ParseCursor(p.Cursor().String())
	require.NoError(t, err)
	require.Equal(t, p.Cursor(), got)
	got, err = ledger.ParseCursor("")
	require.NoError(t, err)
	require.True(t, got.IsZero())
	require.Empty(t, got.String())
	for _, bad := range []string{
		"x", ".", "1", "1.", "x.id", ".id", "1." + strings.Repeat("i", 37), "99999999999999999999.id",
	} {
		_, err := ledger.ParseCursor(bad)
		require.Error(t, err, bad)
	}
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-1: 100, 0: 100, 1: 1, 1000: 1000, 1001: 1000} {
		require.Equal(t, want, ledger.Query{Limit: limit}.PageSize())
	}
}

func TestAPurchaseIsJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := hat
	order.IdempotencyKey, order.Data = "key", json.RawMessage(`{"a":["<",1.50]}`)
	p := w.bought(order)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	var got ledger.Purchase
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, p, got)
	require.NotContains(t, string(text), key.Reveal())
}

func TestInvalidUserIDs(t *testing.T) {
	t.Parallel()
	p := ledger.Purchase{Realm: "r", ID: "id", Order: keyed(hat), State: ledger.Created}
	require.ErrorIs(t, p.Check(), gloebit.ErrInvalidRequest)
	p.UserID = "u"
	require.NoError(t, p.Check())
}
