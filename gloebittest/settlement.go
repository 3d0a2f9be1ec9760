package gloebittest

import (
	"fmt"
	"math/big"
	"time"
)

// await sets the callback that a transaction waits for. The caller holds g.mu.
func (g *Gloebit) await(t *record, step string) {
	now := g.now()
	t.Next, t.Since, t.Due, t.Attempts = step, now, now, 0
}

// commit spends the gloebits on hold: it pays the seller or the application's
// owner and grants the product. It can't be undone. The caller holds g.mu.
func (g *Gloebit) commit(t *record) {
	t.State = StateInProgress
	t.note(g.now(), "commit", "")
	payee := t.Seller
	if app := g.application(t.Application); payee == "" && app != nil {
		payee = app.Owner
	}
	if a := g.userByID(payee); a != nil {
		a.balance = new(big.Rat).Add(a.balance, new(big.Rat).SetInt64(t.Amount))
	}
	if owned := g.receiver(t); owned != nil {
		owned.add(t.Application, t.Product, t.Quantity)
	}
	g.revision++
	g.callOrFinish(t, "consume", t.Hold.Consume)
}

// receiver returns the possessions that a product is added to. It is nil if
// there is no product, or the user or character no longer exists. The caller
// holds g.mu.
func (g *Gloebit) receiver(t *record) possessions {
	user := g.userByID(t.User)
	switch {
	case user == nil || t.Product == "":
		return nil
	case t.Character == "":
		return user.owned
	}
	if c := user.character(t.Character); c != nil {
		return c.Owned
	}
	return nil
}

// rollBack returns the gloebits on hold. The caller holds g.mu.
func (g *Gloebit) rollBack(t *record) {
	t.State = StateCanceled
	t.note(g.now(), "refund", "")
	if user := g.userByID(t.User); user != nil {
		user.balance = new(big.Rat).Add(user.balance, new(big.Rat).SetInt64(t.Amount))
	}
	g.revision++
	g.callOrFinish(t, "cancel", t.Hold.Cancel)
}

// callOrFinish queues the last callback of a transaction, or ends the
// transaction if it has no URL for it. The caller holds g.mu.
func (g *Gloebit) callOrFinish(t *record, step, url string) {
	if url == "" {
		g.finish(t)
		return
	}
	g.await(t, step)
	g.schedule(&delivery{record: t, step: step, url: url, due: t.Due})
}

// finish ends a transaction. The caller holds g.mu.
func (g *Gloebit) finish(t *record) {
	if t.State == StateInProgress {
		t.State = StateSettled
	}
	t.Next = ""
	g.revision++
	if g.cfg.Queue.LateEnact && t.Hold.Enact != "" {
		g.schedule(&delivery{record: t, step: "enact", url: t.Hold.Enact, due: g.now(), echo: true})
	}
}

// settle processes the response to a callback. The caller holds g.mu.
func (g *Gloebit) settle(d *delivery, got verdict) {
	t := d.record
	g.revision++
	if d.echo || g.stale(d) {
		t.note(g.now(), d.step, "again: "+got.text)
		return
	}
	t.note(g.now(), d.step, got.text)
	if !got.ends(d.step, g.cfg.Queue.IgnoreAnswers) {
		g.postpone(d)
		return
	}
	g.repeat(d)
	switch {
	case d.step != "enact":
		g.finish(t)
	case got.kind == answerTrue:
		g.commit(t)
	default:
		g.rollBack(t)
	}
}

// postpone queues a callback again with a growing delay. After GiveUpAfter it
// ends the transaction instead. The caller holds g.mu.
func (g *Gloebit) postpone(d *delivery) {
	t, now := d.record, g.now()
	if now.Sub(t.Since) >= g.cfg.Queue.giveUpAfter() {
		t.note(now, d.step, fmt.Sprintf("given up after %d attempts", t.Attempts+1))
		if d.step == "enact" {
			g.rollBack(t)
		} else {
			g.finish(t)
		}
		return
	}
	t.Due = now.Add(g.cfg.Queue.backoff(t.Attempts))
	t.Attempts++
	d.due = t.Due
	g.schedule(d)
}

// repeat queues a callback that was answered again, Queue.Repeat-1 times. The
// caller holds g.mu.
func (g *Gloebit) repeat(d *delivery) {
	for range g.cfg.Queue.Repeat - 1 {
		g.schedule(&delivery{record: d.record, step: d.step, url: d.url, due: g.now(), echo: true})
	}
}

// giveUpAfter is GiveUpAfter or its default.
func (q Queue) giveUpAfter() time.Duration {
	if q.GiveUpAfter > 0 {
		return q.GiveUpAfter
	}
	return time.Hour
}

// backoff is the delay after attempts failed callbacks.
func (q Queue) backoff(attempts int) time.Duration {
	wait := q.RetryAfter
	if wait <= 0 {
		wait = time.Second
	}
	for range attempts {
		if wait >= time.Minute/2 {
			return max(q.RetryAfter, time.Minute)
		}
		wait *= 2
	}
	return wait
}
