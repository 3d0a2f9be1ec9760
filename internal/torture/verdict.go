package main

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
)

// evidence is the state at the end of a run.
type evidence struct {
	orders       []*order
	purchases    []ledger.Purchase
	transactions []gloebittest.Transaction
	goods        map[string]done
	badges       int      // products that the users own at Gloebit
	wrong        []string // responses that were not allowed
}

// verdict is the result of a run.
type verdict struct {
	purchases int // orders that were placed
	charged   int // transactions that buyers paid at Gloebit
	delivered int // purchases that were delivered
	lost      int // paid and not delivered, or missing after the buyer got a response
	doubled   int // paid, delivered, reserved, released or granted more than once
	stuck     int // orders that are not answered or not finished
	canceled  int // canceled by the shop or by Gloebit
	refused   int // refused because the buyer could not pay
	unpaid    int // delivered and not paid
	wrong     int // any other error

	kills    int // how often a shop process was killed
	faults   int // faults of requests and callbacks, without those of the shop itself
	problems []string
}

// add adds the verdict of another merchant.
func (v *verdict) add(o *verdict) {
	v.purchases, v.charged, v.delivered, v.lost, v.doubled = v.purchases+o.purchases, v.charged+o.charged, v.delivered+
		o.delivered, v.lost+o.lost, v.doubled+o.doubled
	v.stuck, v.canceled, v.refused, v.unpaid, v.wrong = v.stuck+o.stuck, v.canceled+o.canceled, v.refused+
		o.refused, v.unpaid+o.unpaid, v.wrong+o.wrong
	v.kills, v.faults, v.problems = v.kills+o.kills, v.faults+o.faults, append(v.problems, o.problems...)
}

func (v *verdict) bad() bool { return v.lost+v.doubled+v.stuck+v.unpaid+v.wrong > 0 }

func (v *verdict) String() string {
	return fmt.Sprintf("purchases %d charged %d delivered %d lost %d doubled %d stuck %d (canceled %d refused %d "+
		"unpaid %d wrong %d)",
		v.purchases, v.charged, v.delivered, v.lost, v.doubled, v.stuck, v.canceled, v.refused, v.unpaid, v.wrong)
}

const maxProblems = 50

// explain writes the problems to out, at most maxProblems of them.
func (v *verdict) explain(out io.Writer) {
	for i, problem := range v.problems {
		if i == maxProblems {
			_, _ = fmt.Fprintf(out, "and %d more\n", len(v.problems)-i)
			return
		}
		_, _ = fmt.Fprintln(out, problem)
	}
}

// trace is the evidence of one purchase.
type trace struct {
	id          string
	purchase    *ledger.Purchase
	transaction *gloebittest.Transaction
	done        done
	known       bool // the purchase belongs to an order
}

// over reports whether Gloebit has finished the transaction. It also returns
// true if Gloebit has never received it.
func (t *trace) over() bool {
	return t.transaction == nil ||
		t.transaction.State != gloebittest.StateQueued && t.transaction.State != gloebittest.StateInProgress
}

// paid reports whether Gloebit has charged the buyer and can no longer roll the
// transaction back.
func (t *trace) paid() bool {
	return t.transaction != nil && (t.transaction.State == gloebittest.StateSettled ||
		t.transaction.State == gloebittest.StateInProgress)
}

func (t *trace) String() string {
	text := t.id
	if t.purchase != nil {
		text += fmt.Sprintf(
			"\n\t%s of %s, %s, cause %q, history %v", t.purchase.IdempotencyKey, t.purchase.UserID, t.purchase.State,
			t.purchase.Cause, t.purchase.History,
		)
	}
	if t.transaction != nil {
		text += fmt.Sprintf("\n\tat Gloebit %s, %v", t.transaction.State, t.transaction.Steps)
	}
	return text + fmt.Sprintf("\n\tdone %v", t.done)
}

// caseFile groups the evidence by purchase, and the purchases by order.
type caseFile struct {
	traces map[string]*trace   // by purchase ID
	orders map[string][]*trace // by idempotency key
}

func (f *caseFile) trace(id string) *trace {
	t := f.traces[id]
	if t == nil {
		t = &trace{id: id}
		f.traces[id] = t
	}
	return t
}

func newCaseFile(e evidence) *caseFile {
	f := &caseFile{traces: map[string]*trace{}, orders: map[string][]*trace{}}
	assign := func(key, id string) {
		if t := f.trace(id); !t.known {
			t.known = true
			f.orders[key] = append(f.orders[key], t)
		}
	}
	for i := range e.purchases {
		p := &e.purchases[i]
		f.trace(p.ID).purchase = p
		assign(p.IdempotencyKey, p.ID)
	}
	for i := range e.transactions {
		f.trace(e.transactions[i].ID).transaction = &e.transactions[i]
	}
	for id, done := range e.goods {
		f.trace(id).done = done
	}
	for _, o := range e.orders {
		for _, id := range o.ids {
			assign(o.key, id)
		}
	}
	return f
}

// compare compares what was charged with what was delivered.
func compare(e evidence) *verdict {
	f := newCaseFile(e)
	v := &verdict{purchases: len(e.orders), wrong: len(e.wrong)}
	for _, answer := range e.wrong {
		v.problems = append(v.problems, "a wrong answer: "+answer)
	}
	for _, o := range e.orders {
		v.judgeOrder(o, f.orders[o.key])
	}
	badges := 0
	for _, t := range f.traces {
		v.judge(t)
		if t.paid() && t.transaction.Product != "" {
			badges++
		}
	}
	v.judgeProducts(e.badges, badges)
	return v
}

func (v *verdict) count(which *int, name string, more int, about fmt.Stringer) {
	if more > 0 {
		*which += more
		v.problems = append(v.problems, fmt.Sprintf("%s: %s", name, about))
	}
}

// judgeProducts compares the products that users own with those that they paid.
func (v *verdict) judgeProducts(got, paid int) {
	if got != paid {
		v.problems = append(v.problems, fmt.Sprintf("%d products were paid, and the users have %d", paid, got))
		v.lost += max(0, paid-got)
		v.doubled += max(0, got-paid)
	}
}

// judgeOrder checks all purchases of one order.
func (v *verdict) judgeOrder(o *order, traces []*trace) {
	about := orderTraces{o, traces}
	paid, delivered, finished, refused := 0, 0, o.answered, 0
	for _, t := range traces {
		if t.paid() {
			paid++
		}
		if t.done[whatDelivered] > 0 {
			delivered++
		}
		finished = finished && t.over() && (t.purchase == nil || t.purchase.Finished() && !t.purchase.Stuck())
		if t.purchase != nil && t.purchase.State == ledger.Refused {
			refused++
		}
	}
	v.count(&v.doubled, "doubled", max(0, paid-1)+max(0, delivered-1), about)
	switch {
	case !finished:
		v.count(&v.stuck, "stuck", 1, about)
	case paid > 0 || delivered > 0:
	case refused > 0:
		v.refused++
	case len(traces) > 0:
		v.canceled++
	}
	if standing(o, traces) > 1 || o.refused && paid > 0 && !o.twice {
		v.count(&v.wrong, "the buyer was told wrongly", 1, about)
	}
}

// standing counts the purchases in the buyer's responses, without the refused
// ones. While one click waits for Gloebit, the other may get the response that
// the order is in progress. If Gloebit then refuses and the refusal frees the
// idempotency key, for example because the token was revoked, the next click
// creates another purchase.
func standing(o *order, traces []*trace) int {
	count := len(o.ids)
	for _, t := range traces {
		if slices.Contains(o.ids, t.id) && t.purchase != nil && t.purchase.State == ledger.Refused {
			count--
		}
	}
	return count
}

// judge checks one purchase.
func (v *verdict) judge(t *trace) {
	paid, got := t.paid(), t.done[whatDelivered]
	if paid {
		v.charged++
	}
	if got > 0 {
		v.delivered++
	}
	if paid && got == 0 || t.known && t.purchase == nil && got == 0 {
		v.count(&v.lost, "lost", 1, t)
	}
	if got > 0 && !paid {
		v.count(&v.unpaid, "unpaid", 1, t)
	}
	v.count(&v.doubled, "doubled", max(0, got-1)+max(0, t.done[whatReserved]-1)+max(0, t.done[whatReleased]-1), t)
	switch p := t.purchase; {
	case p == nil && t.known: // already counted
	case p == nil:
		v.count(&v.wrong, "it was not ordered", 1, t)
	case t.transaction != nil && p.GloebitID != t.transaction.User:
		v.count(&v.wrong, "another account was charged than the one that ordered", 1, t)
	case p.State == ledger.Delivered && t.done[whatReserved] == 0, p.State == ledger.Released && t.done[whatReleased] == 0,
		p.State != ledger.Released && t.done[whatReleased] > 0:
		v.count(&v.wrong, "the rows don't fit the state", 1, t)
	case p.State == ledger.Delivered && t.done[whatReported] == 0:
		v.count(&v.wrong, "it was not reported as delivered", 1, t)
	}
}

// orderTraces formats an order and its purchases.
type orderTraces struct {
	order  *order
	traces []*trace
}

func (o orderTraces) String() string {
	text := fmt.Sprintf(
		"%s of %s, answered %t, refused %t, purchases %v", o.order.key, o.order.user, o.order.answered, o.order.refused,
		o.order.ids,
	)
	for _, t := range o.traces {
		text += "\n" + t.String()
	}
	return text
}

// complaints collects responses that were not allowed.
type complaints struct {
	mu    sync.Mutex
	texts []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, fmt.Sprintf(format, args...))
}

func (c *complaints) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.texts)
}
