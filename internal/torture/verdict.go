package main

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
)

// evidence is what is there when all is over.
type evidence struct {
	orders       []*order
	purchases    []ledger.Purchase
	transactions []gloebittest.Transaction
	goods        map[string]done
	badges       int      // products that users have at Gloebit
	wrong        []string // answers that should not have been given
}

// verdict is what came of it.
type verdict struct {
	purchases int // orders that were placed
	charged   int // transactions that the buyers have paid at Gloebit
	delivered int // purchases that were delivered
	lost      int // paid and not delivered, or told to the buyer and gone
	doubled   int // paid, delivered, reserved or released more than once
	stuck     int // orders that were not answered or are not finished
	canceled  int // by the shop, or by Gloebit
	refused   int // since the buyer could not pay
	unpaid    int // delivered and not paid
	wrong     int // anything else that should not be

	kills    int // of the shop
	faults   int // that were met on the way, those of the shop's own not counted
	problems []string
}

// add adds what came of another merchant's purchases.
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

// explain tells what is bad.
func (v *verdict) explain(out io.Writer) {
	for i, problem := range v.problems {
		if i == maxProblems {
			_, _ = fmt.Fprintf(out, "and %d more\n", len(v.problems)-i)
			return
		}
		_, _ = fmt.Fprintln(out, problem)
	}
}

// trace is all that is known of one purchase.
type trace struct {
	id          string
	purchase    *ledger.Purchase
	transaction *gloebittest.Transaction
	done        done
	known       bool // it belongs to an order
}

// over reports whether Gloebit is through with it. One that it never heard of
// is over, too.
func (t *trace) over() bool {
	return t.transaction == nil ||
		t.transaction.State != gloebittest.StateQueued && t.transaction.State != gloebittest.StateInProgress
}

// paid reports whether Gloebit has taken the gloebits for good.
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

// caseFile is the evidence by purchase, and the purchases by order.
type caseFile struct {
	traces map[string]*trace
	orders map[string][]*trace // by key
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
	v.handedOut(e.badges, badges)
	return v
}

func (v *verdict) count(which *int, name string, more int, about fmt.Stringer) {
	if more > 0 {
		*which += more
		v.problems = append(v.problems, fmt.Sprintf("%s: %s", name, about))
	}
}

// handedOut compares the products that users have with those they have paid.
func (v *verdict) handedOut(got, paid int) {
	if got != paid {
		v.problems = append(v.problems, fmt.Sprintf("%d products were paid, and the users have %d", paid, got))
		v.lost += max(0, paid-got)
		v.doubled += max(0, got-paid)
	}
}

// judgeOrder looks at all purchases of one order.
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

// standing counts the purchases that the buyer was told of, less those that were
// refused. One click may be told that the order is under way while the other
// one's answer is awaited; when that is a refusal which frees the key, such as
// of a revoked token, the next click is another purchase.
func standing(o *order, traces []*trace) int {
	told := len(o.ids)
	for _, t := range traces {
		if slices.Contains(o.ids, t.id) && t.purchase != nil && t.purchase.State == ledger.Refused {
			told--
		}
	}
	return told
}

// judge looks at one purchase.
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
	case p == nil && t.known: // which was counted above
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

// orderTraces is an order with its purchases, to be told.
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

// complaints are answers that should not have been given.
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
