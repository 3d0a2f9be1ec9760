package ledger_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// The response bodies to Gloebit.
const (
	yes      = "[true]"
	pending  = `[false,"pending"]`
	canceled = `[false,"canceled"]`
	refused  = `[false,"refused"]`
)

// rulings is a second, handwritten copy of the table. A cell has the next
// state, empty if it does not change; the methods called; the response, with
// its status unless it is 200; and whether the purchase is marked stuck.
var rulings = []struct {
	state ledger.State
	cells map[string]string
}{
	{ledger.Created, map[string]string{
		"accepted":   `accepted||`,
		"refused":    `refused||`,
		"enact":      `reserved|Reserve|[true]`,
		"decline":    `canceled||[false,"canceled"]`,
		"consume":    `settled|Reserve|[true]`,
		"unreserved": `settled||[true], stuck`,
		"cancel":     `canceled||[true]`,
		"withdraw":   `canceled||`,
		"reorder":    `||`,
		"deliver":    `||`,
		"release":    `||`,
	}},
	{ledger.Accepted, map[string]string{
		"accepted":   `||`,
		"refused":    `refused||`,
		"enact":      `reserved|Reserve|[true]`,
		"decline":    `canceled||[false,"canceled"]`,
		"consume":    `settled|Reserve|[true]`,
		"unreserved": `settled||[true], stuck`,
		"cancel":     `canceled||[true]`,
		"withdraw":   `canceled||`,
		"reorder":    `||`,
		"deliver":    `||`,
		"release":    `||`,
	}},
	{ledger.Reserved, map[string]string{
		"accepted":   `||`,
		"refused":    `||`,
		"enact":      `||[true]`,
		"decline":    `||[true]`,
		"consume":    `settled||[true]`,
		"unreserved": `settled||[true]`,
		"cancel":     `canceled||[true]`,
		"withdraw":   `||`,
		"reorder":    `||`,
		"deliver":    `||`,
		"release":    `||`,
	}},
	{ledger.Settled, map[string]string{
		"accepted":   `||`,
		"refused":    `||`,
		"enact":      `||[true]`,
		"decline":    `||[true]`,
		"consume":    `||[true]`,
		"unreserved": `||[true]`,
		"cancel":     `||409 [false,"settled"]`,
		"withdraw":   `||`,
		"reorder":    `||`,
		"deliver":    `delivered|Deliver|`,
		"release":    `||`,
	}},
	{ledger.Delivered, map[string]string{
		"accepted":   `||`,
		"refused":    `||`,
		"enact":      `||[true]`,
		"decline":    `||[true]`,
		"consume":    `||[true]`,
		"unreserved": `||[true]`,
		"cancel":     `||409 [false,"settled"]`,
		"withdraw":   `||`,
		"reorder":    `||`,
		"deliver":    `||`,
		"release":    `||`,
	}},
	{ledger.Refused, map[string]string{
		"accepted":   `||`,
		"refused":    `||`,
		"enact":      `||[false,"refused"]`,
		"decline":    `||[false,"refused"]`,
		"consume":    `settled||[true], stuck`,
		"unreserved": `settled||[true], stuck`,
		"cancel":     `canceled||[true]`,
		"withdraw":   `||`,
		"reorder":    `created||`,
		"deliver":    `||`,
		"release":    `||`,
	}},
	{ledger.Canceled, map[string]string{
		"accepted":   `||`,
		"refused":    `||`,
		"enact":      `||[false,"canceled"]`,
		"decline":    `||[false,"canceled"]`,
		"consume":    `settled||[true], stuck`,
		"unreserved": `settled||[true], stuck`,
		"cancel":     `||[true]`,
		"withdraw":   `||`,
		"reorder":    `||`,
		"deliver":    `||`,
		"release":    `released|Release|`,
	}},
	{ledger.Released, map[string]string{
		"accepted":   `||`,
		"refused":    `||`,
		"enact":      `||[false,"canceled"]`,
		"decline":    `||[false,"canceled"]`,
		"consume":    `settled||[true], stuck`,
		"unreserved": `settled||[true], stuck`,
		"cancel":     `||[true]`,
		"withdraw":   `||`,
		"reorder":    `||`,
		"deliver":    `||`,
		"release":    `||`,
	}},
}

func cell(state ledger.State, event string) string {
	r := ledger.Decide(state, event)
	next, answer := string(r.Next), r.Answer
	if r.Next == state {
		next = ""
	}
	if r.Status != 0 && r.Status != http.StatusOK {
		answer = fmt.Sprintf("%d %s", r.Status, r.Answer)
	}
	if r.Stuck {
		answer += ", stuck"
	}
	return next + "|" + r.Call + "|" + answer
}

func TestEveryEventInEveryState(t *testing.T) {
	require.Len(t, rulings, len(ledger.States()))
	for i, row := range rulings {
		require.Equal(t, ledger.States()[i], row.state)
		require.Len(t, row.cells, len(ledger.Events()))
		for _, event := range ledger.Events() {
			require.Equal(t, row.cells[event], cell(row.state, event), "%s in %s", event, row.state)
		}
	}
}

func TestStatesMoveForwardOnly(t *testing.T) {
	rank := map[ledger.State]int{
		ledger.Created: 0, ledger.Accepted: 1, ledger.Reserved: 2, ledger.Refused: 2, ledger.Settled: 3, ledger.Delivered: 4,
		ledger.Canceled: 3, ledger.Released: 4,
	}
	for _, state := range ledger.States() {
		for _, event := range ledger.Events() {
			next := ledger.Decide(state, event).Next
			if event == "reorder" {
				require.True(t, next == state || state == ledger.Refused && next == ledger.Created)
				continue
			}
			if event == "consume" || event == "unreserved" {
				continue // a payment counts in every state
			}
			require.True(t, next == state || rank[next] > rank[state], "%s takes %s back to %s", event, state, next)
		}
	}
}

func TestPayment(t *testing.T) {
	off := []ledger.State{ledger.Refused, ledger.Canceled, ledger.Released}
	for _, state := range ledger.States() {
		for _, event := range ledger.Events() {
			next := ledger.Decide(state, event)
			paid := state == ledger.Settled || state == ledger.Delivered
			require.False(
				t, paid && next.Next != ledger.Settled && next.Next != ledger.Delivered,
				"%s reverts the payment in %s", event, state,
			)
			if slices.Contains(off, state) && next.Next == ledger.Settled {
				require.True(t, next.Stuck, "%s delivers from %s without an operator", event, state)
			}
		}
		require.Equal(t, yes, ledger.Decide(state, "consume").Answer)
		require.Contains(t, []ledger.State{ledger.Settled, ledger.Delivered}, ledger.Decide(state, "consume").Next)
	}
}

// finally is the state of a purchase after the ledger has called its Fulfiller.
func finally(state ledger.State) ledger.State {
	switch state {
	case ledger.Settled:
		return ledger.Delivered
	case ledger.Canceled:
		return ledger.Released
	}
	return state
}

// follows are the Fulfiller's methods that the ledger calls after a callback
// that leads to a state.
func follows(state ledger.State) []string {
	switch state {
	case ledger.Settled:
		return []string{"Deliver"}
	case ledger.Canceled:
		return []string{"Release"}
	}
	return nil
}

func TestEveryCallbackInEveryState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, state := range ledger.States() {
		for _, step := range []string{"enact", "consume", "cancel"} {
			t.Run(step+" in "+string(state), func(t *testing.T) {
				w.t, w.goods.calls = t, nil
				p := w.put("callback-"+step+"-"+string(state), state)
				want := ledger.Decide(state, step)
				w.wantAnswer(p.ID, step, want.Status, want.Answer)
				calls := []string{}
				if want.Call != "" {
					calls = append(calls, want.Call)
				}
				end := want.Next
				if want.Status == http.StatusOK && !want.Stuck {
					calls, end = append(calls, follows(want.Next)...), finally(want.Next)
				}
				got := w.wantState(p.ID, end)
				require.Equal(t, calls, w.goods.all())
				wantHistory(t, got)
				again := want
				if step == "enact" || want.Status == http.StatusOK {
					again = ledger.Decide(end, step)
				}
				require.Equal(t, want.Answer, again.Answer, "a repeated callback gets the same response")
				w.wantAnswer(p.ID, step, want.Status, want.Answer)
				require.Equal(t, calls, w.goods.all(), "and nothing is called again")
				require.Equal(t, got.History, w.wantState(p.ID, end).History)
			})
		}
	}
}

// wantHistory fails unless the history leads to the purchase's state.
func wantHistory(t *testing.T, p ledger.Purchase) {
	t.Helper()
	for i, change := range p.History {
		require.NotEmpty(t, change.Cause)
		require.False(t, change.At.IsZero())
		if i > 0 {
			require.Equal(t, p.History[i-1].To, change.From)
		}
	}
	last := p.History[len(p.History)-1]
	require.Equal(t, p.State, last.To)
	require.Equal(t, p.UpdatedAt, last.At)
}

func TestTransactsAnswersInEveryState(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event string
		fault gloebittest.Fault
	}{
		{event: "accepted"},
		{"refused", gloebittest.Fault{
			Path: "transact", Body: `{"success":false,"status":"queued","reason":"insufficient balance"}`,
		}},
	} {
		w := newWorld(t)
		if c.event == "refused" {
			w.gloebit.Inject(c.fault)
		}
		for _, state := range ledger.States() {
			t.Run(c.event+" in "+string(state), func(t *testing.T) {
				w.t, w.goods.calls = t, nil
				p := w.put(fmt.Sprintf("%s-%s", c.event, state), ledger.Created)
				w.makeDue(p.ID)
				// It moves while the transact response is in flight.
				w.store.before = func(_ int, call string) error {
					if call == "Change" {
						w.store.failing(nil)
						w.change(p.ID, func(p *ledger.Purchase) { p.State = state })
					}
					return nil
				}
				w.reconcile()
				got := w.wantState(p.ID, ledger.Decide(state, c.event).Next)
				require.Empty(t, w.goods.all())
				switch {
				case c.event == "accepted":
					require.EqualValues(t, "queued", got.Outcome)
				case state == ledger.Created || state == ledger.Accepted:
					require.EqualValues(t, "insufficient-balance", got.Outcome)
				default:
					require.Empty(t, got.Outcome, "an answer that does not count is not kept")
				}
			})
		}
	}
}

func TestADeclineInEveryState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.goods.reserve = saying(errors.New("sold out"))
	for _, state := range ledger.States() {
		t.Run(string(state), func(t *testing.T) {
			w.t, w.goods.calls = t, nil
			p := w.put("decline-"+string(state), ledger.Created)
			changes := 0
			w.store.before = func(_ int, call string) error {
				if call == "Change" {
					if changes++; changes == 2 { // another replica was faster
						w.change(p.ID, func(p *ledger.Purchase) { p.State = state })
					}
				}
				return nil
			}
			want := ledger.Decide(state, "decline")
			w.wantAnswer(p.ID, "enact", want.Status, want.Answer)
			w.store.before = nil
			got := w.wantState(p.ID, finally(want.Next))
			require.Equal(t, append([]string{"Reserve"}, follows(want.Next)...), w.goods.all())
			if want.Next != state {
				require.Equal(t, "Reserve: sold out", got.Cause, "also when it has been released")
			}
		})
	}
}

func TestDeliverAndReleaseInEveryState(t *testing.T) {
	t.Parallel()
	for event, from := range map[string]ledger.State{"deliver": ledger.Settled, "release": ledger.Canceled} {
		w := newWorld(t)
		for _, state := range ledger.States() {
			t.Run(event+" in "+string(state), func(t *testing.T) {
				w.t, w.goods.calls = t, nil
				p := w.put(event+"-"+string(state), from)
				w.makeDue(p.ID)
				w.store.before = func(_ int, call string) error {
					if call == "Change" {
						w.store.failing(nil)
						w.change(p.ID, func(p *ledger.Purchase) { p.State = state })
					}
					return nil
				}
				w.reconcile()
				want := ledger.Decide(state, event)
				w.wantState(p.ID, want.Next)
				calls := []string{}
				if want.Call != "" {
					calls = append(calls, want.Call)
				}
				require.Equal(t, calls, w.goods.all())
			})
		}
	}
}
