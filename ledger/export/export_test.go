package export_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/export"
)

var (
	errStore = errors.New("the store is down")
	at       = time.Date(2026, 5, 2, 12, 0, 0, 1000, time.UTC)
	hat      = ledger.Purchase{
		ID: "one", UserID: "alice", GloebitID: "g-alice", State: ledger.Delivered, CreatedAt: at, UpdatedAt: at, PaidAt: at,
		Order: ledger.Order{Item: "a hat, \"green\"", Price: 40, Quantity: 2, Username: "Alice"},
	}
)

// sequence yields purchases, and then err unless it is nil.
func sequence(err error, purchases ...ledger.Purchase) iter.Seq2[ledger.Purchase, error] {
	return func(yield func(ledger.Purchase, error) bool) {
		for _, p := range purchases {
			if !yield(p, nil) {
				return
			}
		}
		if err != nil {
			yield(ledger.Purchase{}, err)
		}
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, export.CSV(&out, sequence(nil, hat)))
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	require.NoError(t, err)
	require.Equal(t, [][]string{
		{"id", "created_at", "user_id", "gloebit_id", "username", "item", "product", "character_id", "price", "quantity",
			"gloebits",
			"state", "stuck_at", "paid_at", "updated_at", "outcome", "cause"},
		{"one", "2026-05-02T12:00:00.000001Z", "alice", "g-alice", "Alice", "a hat, \"green\"", "", "", "40", "2", "80",
			"delivered", "", "2026-05-02T12:00:00.000001Z", "2026-05-02T12:00:00.000001Z", "", ""},
	}, rows)
	out.Reset()
	require.NoError(t, export.CSV(&out, sequence(nil)))
	require.Equal(t, 1, strings.Count(out.String(), "\n"), "the names of the columns")
}

func TestNoFormulas(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠SUM(A1)"} {
		p := ledger.Purchase{ID: text, UserID: text, GloebitID: text, Cause: text, Order: ledger.Order{
			Item: text, Product: text, CharacterID: text, Username: text,
		}}
		var out strings.Builder
		require.NoError(t, export.CSV(&out, sequence(nil, p)))
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		require.NoError(t, err)
		for _, cell := range rows[1] {
			if cell != "" && cell != "0" {
				require.Equal(t, "'", cell[:1], "%q", cell)
			}
		}
	}
}

// TestNoFormulasInside checks text that a spreadsheet splits at other
// characters than commas, so that a cell starts in the middle of it.
func TestNoFormulasInside(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"x;=1+1": "x;'=1+1", "x;\"=1": "x;\"'=1", "x\t@SUM(A1)": "x\t'@SUM(A1)", "x|+1": "x|'+1", " =1": "' =1",
		"\"=1":   "'\"=1",
		"3-4=-1": "3-4=-1", "a;b": "a;b",
		"x;＝1": "x;'＝1", " ＋1": "' ＋1", "3＝3": "3＝3", "é": "é",
	} {
		var out strings.Builder
		require.NoError(t, export.CSV(&out, sequence(nil, ledger.Purchase{ID: text})))
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		require.NoError(t, err)
		require.Equal(t, want, rows[1][0])
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for _, purchases := range [][]ledger.Purchase{{}, {hat}, {hat, hat}} {
		var out strings.Builder
		require.NoError(t, export.JSON(&out, sequence(nil, purchases...)))
		var list []ledger.Purchase
		require.NoError(t, json.Unmarshal([]byte(out.String()), &list))
		require.Equal(t, purchases, list)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(
		io.Writer, iter.Seq2[ledger.Purchase, error],
	) error{"CSV": export.CSV, "JSON": export.JSON} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, write(io.Discard, sequence(errStore, hat)), errStore)
			closed, end := io.Pipe()
			require.NoError(t, closed.Close())
			require.ErrorIs(t, write(end, sequence(nil, hat)), io.ErrClosedPipe)
		})
	}
}

// TestStreams checks that rows are written before the sequence ends.
func TestStreams(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(
		io.Writer, iter.Seq2[ledger.Purchase, error],
	) error{"CSV": export.CSV, "JSON": export.JSON} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			seen := 0
			require.NoError(t, write(&out, func(yield func(ledger.Purchase, error) bool) {
				for range 1000 {
					if !yield(hat, nil) {
						return
					}
				}
				seen = out.Len()
			}))
			require.Greater(t, seen, out.Len()/2)
		})
	}
}
