package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
)

const (
	maxSelected = 2 * pageSize
	maxForm     = 64 << 10 // bytes
)

var errMayNotAct = problem{http.StatusForbidden, "You may look, but not act. Nothing was done."}

// candidate is a purchase on the confirmation page.
type candidate struct {
	row
	Seen    int64  // its UpdatedAt, in microseconds since the Unix epoch
	Problem string // why no action is possible
}

// confirm asks the operator to confirm an action on one or more purchases.
func (c *console) confirm(w http.ResponseWriter, r *http.Request, operator Operator) error {
	if operator.May < Act {
		return errMayNotAct
	}
	form := r.URL.Query()
	does, err := findDeed(form.Get("act"))
	if err != nil {
		return err
	}
	ids, err := selected(form["id"])
	if err != nil {
		return err
	}
	page := struct {
		frame
		Deed       deed
		Candidates []candidate
		Able       int
	}{frame: newFrame(does.Button, operator), Deed: does}
	ctx, stop := c.within(r)
	defer stop()
	for _, id := range ids {
		p, err := c.ledger.Get(ctx, id)
		which := candidate{row: newRow(p), Seen: p.UpdatedAt.UnixMicro()}
		switch {
		case errors.Is(err, gloebit.ErrNotFound) || errors.Is(err, ledger.ErrUnreadable):
			which.ID, which.Problem = id, explain(err).text
		case err != nil:
			return err
		case !does.can(p):
			which.Problem = "This is not possible: it is " + mark(p) + "."
		default:
			page.Able++
		}
		page.Candidates = append(page.Candidates, which)
	}
	return c.write(w, http.StatusOK, "confirm", page)
}

// selected checks a list of purchase IDs.
func selected(ids []string) ([]string, error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 || len(ids) > maxSelected || !storable(ids) {
		return nil, problem{http.StatusBadRequest, "Select between 1 and " + strconv.Itoa(maxSelected) + " purchases."}
	}
	return ids, nil
}

// result is the result of an action on a purchase.
type result struct {
	row
	Done bool
	Text string // why it was not done
}

// act performs the actions that an operator has confirmed.
func (c *console) act(w http.ResponseWriter, r *http.Request, operator Operator) error {
	if operator.May < Act {
		return errMayNotAct
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return problem{http.StatusBadRequest, "This form can't be read. Nothing was done."}
	}
	does, err := findDeed(r.PostForm.Get("act"))
	if err != nil {
		return err
	}
	ids, err := selected(r.PostForm["id"])
	if err != nil {
		return err
	}
	page := struct {
		frame
		Deed    deed
		Results []result
		Done    int
	}{frame: newFrame(does.Button, operator), Deed: does}
	act := ledger.Act{By: operator.Name, Reason: r.PostForm.Get("reason")}
	away := false // the database does not answer, so the rest is not tried
	for _, id := range ids {
		did := result{Text: "Not tried, because the database does not answer."}
		if !away {
			did, away = c.actOn(r.Context(), does, id, r.PostForm.Get("seen-"+id), act)
		}
		if did.ID = id; did.Done {
			page.Done++
		}
		page.Results = append(page.Results, did)
	}
	status := http.StatusOK
	switch {
	case away:
		status = http.StatusServiceUnavailable
	case page.Done < len(ids):
		status = http.StatusConflict
	}
	return c.write(w, status, "result", page)
}

// actOn acts on one purchase, unless it has changed since the operator saw it.
func (c *console) actOn(ctx context.Context, does deed, id, seen string, act ledger.Act) (did result, away bool) {
	micros, err := strconv.ParseInt(seen, 10, 64)
	if err != nil {
		return result{Text: "Not done: the form does not say how you have seen it."}, false
	}
	act.Seen = time.UnixMicro(micros).UTC()
	ctx, stop := context.WithTimeout(ctx, c.timeout)
	defer stop()
	p, err := c.ledger.Get(ctx, id) // fails fast if the database is down: an act waits longer than c.timeout
	switch {
	case err != nil:
	case does.Name == "retry":
		p, err = c.ledger.Retry(ctx, id, act)
	case does.Name == "cancel":
		p, err = c.ledger.Cancel(ctx, id, act)
	case does.Name == "paid":
		p, err = c.ledger.MarkPaid(ctx, id, act)
	}
	did = result{row: newRow(p), Done: err == nil}
	switch {
	case err == nil:
	case errors.Is(err, ledger.ErrChanged):
		did.Text = "Not done: it has changed since you looked at it, perhaps by another operator. Look at it again."
	case errors.Is(err, ledger.ErrTooLate):
		did.Text = "Not done: it is too late to cancel it."
	case errors.Is(err, ledger.ErrNotStuck):
		did.Text = "Not done: it is no longer stuck, or is already paid or canceled."
	case errors.Is(err, ledger.ErrTryAgain):
		did.Text = "Not done: the shop can't reserve it now. Try again."
	case errors.Is(err, gloebit.ErrInvalidRequest):
		did.Text = "Not done: a reason is needed."
	case errors.Is(err, gloebit.ErrNotFound):
		did.Text = "Not done: there is no such purchase any more."
	case errors.Is(err, ledger.ErrUnreadable):
		did.Text = "Not done: this purchase can't be read."
	default:
		did.Text, away = "The database does not answer. Look at the purchase later to see whether it was done.", true
		c.log.ErrorContext(
			ctx, "gloebit console: an act failed", "act", does.Name, "purchase", id, "by", act.By, "error", err,
		)
	}
	return did, away
}
