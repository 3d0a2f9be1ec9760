package ledger_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// tracer records the calls of a Trace. The context of an operation says which
// one it is.
type tracer struct {
	mu       sync.Mutex
	recorded []string
}

type within struct{}

func (tr *tracer) tell(ctx context.Context, format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	outer, _ := ctx.Value(within{}).(string)
	tr.recorded = append(tr.recorded, outer+fmt.Sprintf(format, args...))
}

func (tr *tracer) all() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	recorded := tr.recorded
	tr.recorded = nil
	return recorded
}

func enter(ctx context.Context, name string) context.Context {
	outer, _ := ctx.Value(within{}).(string)
	return context.WithValue(ctx, within{}, outer+name+" > ")
}

func traced(tr *tracer, traceParent string) option {
	step := func(ctx context.Context, info ledger.StepInfo) (context.Context, func(ledger.StepResult)) {
		from := info.State
		return enter(ctx, info.Name), func(r ledger.StepResult) {
			tr.tell(ctx, "%s: %s to %s, %q, %v, %v, %q", info.Name, from, r.State, r.Outcome, r.Stuck, r.Err, info.TraceParent)
		}
	}
	return func(_ *gloebittest.Config, c *ledger.Config) {
		c.Trace = &ledger.Trace{
			Order: func(ctx context.Context, info ledger.StepInfo) (context.Context, string, func(ledger.StepResult)) {
				ctx, end := step(ctx, info)
				return ctx, traceParent, end
			},
			Step: step,
			Fulfill: func(ctx context.Context, info ledger.StepInfo) (context.Context, func(error)) {
				return enter(ctx, info.Name), func(err error) { tr.tell(ctx, "%s: %v", info.Name, err) }
			},
			Callback: func(ctx context.Context, info ledger.StepInfo) (context.Context, func(int, string)) {
				return enter(ctx, "callback"), func(status int, reason string) {
					tr.tell(ctx, "callback of %q for %d: %d %q", info.Name, len(info.PurchaseID), status, reason)
				}
			},
			StoreFailed: func(ctx context.Context, _, operation string, err error) {
				tr.tell(ctx, "%s failed: %v", operation, err)
			},
		}
	}
}

func TestTrace(t *testing.T) {
	t.Run("a purchase", func(t *testing.T) {
		recorded := &tracer{}
		w := newWorld(t, traced(recorded, traceParent))
		var inside []string
		w.goods.deliver = func(ctx context.Context, _ ledger.Purchase) error {
			inside = append(inside, fmt.Sprint(ctx.Value(within{})))
			return nil
		}
		p := w.bought(hat)
		require.Equal(t, traceParent, p.TraceParent)
		w.settle()
		w.wantState(p.ID, ledger.Delivered)
		end := `, "queued", false, <nil>, "` + traceParent + `"`
		require.Equal(t, []string{
			`order > send > accepted: created to accepted` + end,
			`order > send: created to accepted` + end,
			`order:  to accepted, "queued", false, <nil>, ""`,
			`callback > enact > Reserve: <nil>`,
			`callback > enact: accepted to reserved` + end,
			`callback of "enact" for 36: 200 ""`,
			`callback > consume: reserved to settled` + end,
			`callback > deliver > Deliver: <nil>`,
			`callback > deliver: settled to delivered` + end,
			`callback of "consume" for 36: 200 ""`,
		}, recorded.all())
		require.Equal(t, []string{"callback > deliver > Deliver > "}, inside)
	})
	for what, invalid := range map[string]string{
		"long": traceParent + "-1", "upper case": strings.ToUpper(traceParent), "another version": "01" + traceParent[2:],
		"a misplaced dash": strings.Replace(traceParent, "a", "-", 1), "empty": "",
	} {
		t.Run("a traceparent, "+what, func(t *testing.T) {
			w := newWorld(t, traced(&tracer{}, invalid))
			require.Empty(t, w.bought(hat).TraceParent)
			p := w.get(w.bought(hat).ID)
			p.TraceParent = invalid
			require.Equal(t, invalid != "", p.Check() != nil)
		})
	}
	t.Run("a Fulfiller that panics", func(t *testing.T) {
		recorded := &tracer{}
		w := newWorld(t, traced(recorded, ""))
		w.goods.reserve = func(context.Context, ledger.Purchase) error { panic("no hats") }
		p := w.bought(hat)
		recorded.all()
		w.wantAnswer(p.ID, "enact", http.StatusOK, `[false,"pending"]`)
		require.Equal(t, []string{
			`callback > enact > Reserve: panic`,
			`callback > enact: accepted to accepted, "queued", false, Reserve: panic, ""`,
			`callback of "enact" for 36: 200 "pending"`,
		}, recorded.all())
	})
	t.Run("a callback that is not signed", func(t *testing.T) {
		recorded := &tracer{}
		w := newWorld(t, traced(recorded, ""))
		status, _ := w.request(http.MethodGet, w.config.CallbackURL+"/id/enact/guess")
		require.Equal(t, http.StatusNotFound, status)
		require.Equal(t, []string{`callback of "" for 0: 404 ""`}, recorded.all())
	})
	t.Run("a refusal is no failure", func(t *testing.T) {
		recorded := &tracer{}
		w := newWorld(t, traced(recorded, ""))
		_, err := w.buy(ledger.Order{Item: "hat", Price: 5000, Quantity: 1})
		require.ErrorIs(t, err, gloebit.ErrInsufficientBalance)
		said := recorded.all()
		require.Contains(t, said[0], `refused: created to refused, "insufficient-balance", false, <nil>`)
		require.NotContains(t, strings.Join(said, "\n"), "failed")
	})
	t.Run("a store that fails", func(t *testing.T) {
		recorded := &tracer{}
		w := newWorld(t, traced(recorded, ""))
		w.store.failing(errDown)
		_, err := w.buy(hat)
		require.ErrorIs(t, err, gloebit.ErrStore)
		_, _ = w.ledger.Get(t.Context(), "id")
		_, _ = w.ledger.List(t.Context(), ledger.Query{})
		_, _ = w.ledger.Counts(t.Context())
		_, _ = w.ledger.Retry(t.Context(), "id", ledger.Act{})
		said := strings.Join(recorded.all(), "\n")
		for _, operation := range []string{"create", "get", "list", "counts", "change"} {
			require.Contains(t, said, "purchases."+operation+" failed: "+errDown.Error())
		}
	})
}
