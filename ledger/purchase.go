package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// Purchase is an order and what has become of it. It is a value: what holds
// one must not change its History or Data. Its times are UTC, in whole
// microseconds.
type Purchase struct {
	// ID is the transaction's id at Gloebit, a UUID in lower case. It never
	// changes, so it is the idempotency key for whatever a Fulfiller calls.
	ID     string `json:"id"`
	UserID string `json:"user_id"` // who pays, as gloebit.User.ID
	// GloebitID is the account at Gloebit that pays, as gloebit.Client.GloebitID
	// told it when the user ordered. It is empty when Gloebit did not tell. It
	// never changes, and no account of another id is ever charged for the
	// purchase: where either id was not told, they are taken for the same.
	GloebitID string `json:"gloebit_id,omitempty"`
	Order
	State State `json:"state"`
	// Outcome is Gloebit's answer to the transaction. It is OutcomeUnknown
	// until there was one.
	Outcome gloebit.Outcome `json:"outcome,omitempty"`
	// Cause is the last thing that went wrong, in words for a log: why it was
	// refused or canceled, or why the next step has not been done yet. It is
	// empty when nothing did.
	Cause string `json:"cause,omitempty"`
	// Attempts counts how often the step that follows State was tried in vain.
	Attempts int `json:"attempts,omitempty"`
	// FailingSince is when it was first tried in vain. It is zero before that.
	FailingSince time.Time `json:"failing_since,omitzero"`
	// NextAt is when the step that follows is tried, or whoever is trying it
	// now is given up. It is zero when there is nothing to do: the purchase is
	// finished or stuck.
	NextAt time.Time `json:"next_at,omitzero"`
	// StuckAt is when it was parked since the step had failed for too long: no
	// step is tried any more. It is zero while that is not so.
	StuckAt   time.Time `json:"stuck_at,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // the time of the last entry of History
	// KeyUntil is when Key may be used for another purchase. It is zero
	// without a Key.
	KeyUntil time.Time `json:"key_until,omitzero"`
	// History is what happened, oldest first, from the writing of the purchase
	// on.
	History []Change `json:"history"`
}

// Change is an entry of a purchase's history. From equals To when the purchase
// was parked or taken up again.
type Change struct {
	From  State     `json:"from,omitempty"` // empty in the first entry
	To    State     `json:"to"`
	At    time.Time `json:"at"`
	Cause string    `json:"cause"` // what brought it about, in words for a log
}

// Stuck reports whether the purchase was parked.
func (p Purchase) Stuck() bool { return !p.StuckAt.IsZero() }

// Finished reports whether nothing more is to come: it was delivered, released
// or refused.
func (p Purchase) Finished() bool {
	return p.State == Delivered || p.State == Released || p.State == Refused
}

// Paid reports whether the gloebits are the merchant's.
func (p Purchase) Paid() bool { return p.State == Settled || p.State == Delivered }

// Err returns why Gloebit refused the purchase: gloebit.ErrInsufficientBalance,
// gloebit.ErrCannotSpend and so on, or gloebit.ErrRefused with the cause in
// words. It is nil for a purchase that was not refused.
func (p Purchase) Err() error {
	if p.Outcome.Refused() {
		return fmt.Errorf("%w: purchase %s", p.Outcome.Err(), p.ID)
	}
	if p.State == Refused {
		return fmt.Errorf("%w: purchase %s: %s", gloebit.ErrRefused, p.ID, p.Cause)
	}
	return nil
}

const (
	longestID       = 36
	longestAccount  = 255
	largestPurchase = 256 << 10
)

// Check returns an error that is gloebit.ErrInvalidRequest when the purchase is
// not what a store has to keep: its id is not of 1 to 36 visible ASCII
// characters, its user id not of 1 to 255 bytes, its key or Gloebit id of more
// than 255, its state unknown, its text not UTF-8, or text and Data of more than
// 256 KiB together. Every [Store] checks what it saves.
func (p Purchase) Check() error {
	if err := (connect.Key{Realm: "any", ID: p.UserID}).Check(); err != nil {
		return err
	}
	text := p.GloebitID + p.Item + p.Product + p.CharacterID + p.Username + string(p.Outcome) + p.Cause
	for _, change := range p.History {
		text += change.Cause
	}
	var why error
	switch {
	case p.ID == "" || len(p.ID) > longestID || strings.ContainsFunc(p.ID, func(r rune) bool { return r <= 0x20 || r >= 0x7f }):
		why = errors.New("the id is not of 1 to 36 visible ASCII characters")
	case len(p.Key) > longestKey:
		why = fmt.Errorf("the key is of %d bytes, more than %d", len(p.Key), longestKey)
	case len(p.GloebitID) > longestAccount:
		why = fmt.Errorf("the Gloebit id is of %d bytes, more than %d", len(p.GloebitID), longestAccount)
	case !slices.Contains(States(), p.State):
		why = fmt.Errorf("the state %.40q is unknown", string(p.State))
	case !utf8.ValidString(text):
		why = errors.New("its text is not UTF-8")
	case len(text)+len(p.Data) > largestPurchase:
		why = fmt.Errorf("it is of %d bytes, more than %d", len(text)+len(p.Data), largestPurchase)
	default:
		return nil
	}
	return fmt.Errorf("%w: purchase: %w", gloebit.ErrInvalidRequest, why)
}

// Clone returns a copy that shares nothing with the purchase.
func (p Purchase) Clone() Purchase {
	p.Data, p.History = slices.Clone(p.Data), slices.Clone(p.History)
	return p
}

// move takes the purchase to another state. Cause is left at why it is off, if
// it is.
func (p *Purchase) move(to State, at time.Time, cause string) {
	p.note(to, at, cause)
	p.State, p.Cause = to, ""
	p.fresh()
	for _, change := range p.History {
		if change.To != change.From && (change.To == Refused || change.To == Canceled) {
			p.Cause = change.Cause
		}
	}
}

// fresh forgets the tries of a step.
func (p *Purchase) fresh() { p.Attempts, p.FailingSince, p.StuckAt = 0, time.Time{}, time.Time{} }

// note adds an entry to the history.
func (p *Purchase) note(to State, at time.Time, cause string) {
	p.History = append(slices.Clip(p.History), Change{From: p.State, To: to, At: at, Cause: cause})
	p.UpdatedAt = at
}
