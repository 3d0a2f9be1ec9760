package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// Purchase is an order and its progress. It is a value: the holder of a copy
// must not change its History or Data. Its times are UTC, in whole
// microseconds.
type Purchase struct {
	// Realm is the realm of the merchant that is paid; see
	// gloebit.Merchant.Realm. A [Ledger] works only on the purchases of one
	// realm.
	Realm string `json:"realm"`
	// ID is the transaction's ID at Gloebit, a UUID in lower case. It never
	// changes, so a Fulfiller can use it as the idempotency key of its calls.
	// It is derived from the realm, the user's account, the key and the order,
	// as gloebit.Client.PurchaseItem and PurchaseProduct derive theirs.
	ID string `json:"id"`
	// UserID is the ID of the user who pays, as in gloebit.User.ID. If several
	// users place this order with one account, it is the ID of the first, or of
	// the first since the purchase was refused. It is empty after
	// [Ledger.Erase]. It is also empty, and the whole Order unknown, if the
	// database lost the purchase and Gloebit then reported it as paid.
	UserID string `json:"user_id,omitempty"`
	// GloebitID is the account at Gloebit that pays, as
	// gloebit.Client.GloebitID was when the user ordered. It is empty if
	// Gloebit did not report one. It does not change while UserID is set;
	// [Ledger.Erase] empties both. If the user's account is now known to be
	// another one, the ledger does not charge that one.
	GloebitID string `json:"gloebit_id,omitempty"`
	// ConnectedAt is when the user made the connection with which they ordered.
	// An unanswered order is canceled if the user has since disconnected or
	// reconnected.
	ConnectedAt time.Time `json:"connected_at,omitzero"`
	Order
	State State `json:"state"`
	// KeyFreed reports whether a consume or a cancel came while the purchase
	// was Refused. The refusal had freed the key, so another purchase may hold
	// it.
	KeyFreed bool `json:"key_freed,omitempty"`
	// Outcome is Gloebit's answer to the transaction. It is OutcomeUnknown
	// until Gloebit answers.
	Outcome gloebit.Outcome `json:"outcome,omitempty"`
	// Cause is a text for logs about the last failure: why the purchase was
	// refused or canceled, or why its next step is not done yet. It is empty if
	// nothing has failed.
	Cause string `json:"cause,omitempty"`
	// Attempts counts how often the step that follows State has failed.
	Attempts int `json:"attempts,omitempty"`
	// FailingSince is when that step first failed. It is zero before that.
	FailingSince time.Time `json:"failing_since,omitzero"`
	// NextAt is when the workers try the next step. It is zero if the purchase
	// is finished or stuck.
	NextAt time.Time `json:"next_at,omitzero"`
	// StuckAt is when the purchase was marked stuck: the workers try no step
	// until [Ledger.Retry], [Ledger.MarkPaid] or a callback resumes it. It is
	// zero if the purchase is not stuck.
	StuckAt   time.Time `json:"stuck_at,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // the time of the last entry of History
	// PaidAt is when Gloebit reported the purchase as paid. It is zero before
	// that.
	PaidAt time.Time `json:"paid_at,omitzero"`
	// Changes counts all changes that are for Config.OnChange, and Reported
	// those of them that are reported or were dropped from History. The last
	// (Changes minus Reported) entries of History are not reported yet. Both
	// are zero if no process with an OnChange has changed the purchase.
	Changes  int `json:"changes,omitempty"`
	Reported int `json:"reported,omitempty"`
	// ReportAt is when the workers report the next change. It is zero if all
	// changes are reported.
	ReportAt time.Time `json:"report_at,omitzero"`
	// TraceParent is the traceparent of W3C Trace Context that Trace.Order
	// returned when the purchase was ordered. It is empty if it returned none.
	TraceParent string `json:"trace_parent,omitempty"`
	// History lists the changes since the purchase was created, oldest first.
	// Of more than a hundred entries, the first and the newest are kept.
	History []Change `json:"history"`
}

// Change is an entry of a purchase's history. From equals To when the purchase
// was marked stuck, retried or erased, or when the user repeated an order that
// the database had lost.
type Change struct {
	From  State     `json:"from,omitempty"` // empty in the first entry
	To    State     `json:"to"`
	At    time.Time `json:"at"`
	Cause string    `json:"cause"`        // the reason, as a text for logs
	By    string    `json:"by,omitempty"` // the operator's name; empty if the ledger made the change
}

// Stuck reports whether the purchase was marked stuck.
func (p Purchase) Stuck() bool { return !p.StuckAt.IsZero() }

// Finished reports whether the purchase was delivered, released or refused, so
// that nothing remains to be done.
func (p Purchase) Finished() bool {
	return p.State == Delivered || p.State == Released || p.State == Refused
}

// Paid reports whether the merchant has been paid.
func (p Purchase) Paid() bool { return p.State == Settled || p.State == Delivered }

// HoldsKey reports whether the purchase prevents another one with the same key:
// it has a key, and was not refused since it was last ordered.
func (p Purchase) HoldsKey() bool { return p.IdempotencyKey != "" && p.State != Refused && !p.KeyFreed }

// Err returns why the purchase failed: gloebit.ErrInsufficientBalance,
// gloebit.ErrCannotSpend and so on when Outcome says why Gloebit refused it,
// gloebit.ErrRefused with the text of Cause when it was refused for any other
// reason, and [ErrCanceled] when the purchase was canceled. It is nil
// otherwise.
func (p Purchase) Err() error {
	switch {
	case p.State == Canceled || p.State == Released:
		return fmt.Errorf("%w: purchase %s: %s", ErrCanceled, p.ID, p.Cause)
	case p.State != Refused:
		return nil
	case p.Outcome.Refused():
		return fmt.Errorf("%w: purchase %s", p.Outcome.Err(), p.ID)
	}
	return fmt.Errorf("%w: purchase %s: %s", gloebit.ErrRefused, p.ID, p.Cause)
}

const (
	maxID       = 36
	maxAccount  = 255
	maxPurchase = 256 << 10
)

// Check returns a gloebit.ErrInvalidRequest in these cases: if
// [connect.Key.Check] refuses its realm or its user ID, which may be empty; if
// its ID is not 1 to 36 visible ASCII characters; if its key or Gloebit ID is
// longer than 255 bytes, or set without a user ID; if its state is unknown; if
// TraceParent is not a traceparent of version 00; if a text is not UTF-8 or
// contains a NUL; or if all texts and Data together exceed 256 KiB. A [Store]
// must be able to keep any other purchase, and checks each that it saves.
func (p Purchase) Check() error {
	if err := (connect.Key{Realm: p.Realm, ID: cmp.Or(p.UserID, "unknown")}).Check(); err != nil {
		return err
	}
	names := []string{
		p.GloebitID, p.IdempotencyKey, p.Item, p.Product, p.CharacterID, p.Username, string(p.Outcome), p.Cause,
	}
	for _, change := range p.History {
		names = append(names, change.Cause, change.By)
	}
	text := strings.Join(names, "")
	var why error
	switch {
	case p.ID == "" || len(p.ID) > maxID || strings.ContainsFunc(
		p.ID, func(r rune) bool { return r <= 0x20 || r >= 0x7f },
	):
		why = errors.New("the id is not of 1 to 36 visible ASCII characters")
	case p.UserID == "" && p.IdempotencyKey+p.GloebitID != "":
		why = errors.New("it has a key or a Gloebit id, and no user id")
	case len(p.IdempotencyKey) > maxKey:
		why = fmt.Errorf("the key is of %d bytes, more than %d", len(p.IdempotencyKey), maxKey)
	case len(p.GloebitID) > maxAccount:
		why = fmt.Errorf("the Gloebit id is of %d bytes, more than %d", len(p.GloebitID), maxAccount)
	case p.TraceParent != "" && !isTraceParent(p.TraceParent):
		why = errors.New("its traceparent is not one of version 00")
	case !p.State.known():
		why = fmt.Errorf("the state %.40q is unknown", string(p.State))
	case !utf8.ValidString(text) || !utf8.Valid(p.Data):
		why = errors.New("its text is not UTF-8")
	case strings.ContainsRune(text, 0):
		why = errors.New("its text has a NUL in it")
	case len(text)+len(p.Data) > maxPurchase:
		why = fmt.Errorf("it is of %d bytes, more than %d", len(text)+len(p.Data), maxPurchase)
	default:
		return nil
	}
	return fmt.Errorf("%w: purchase: %w", gloebit.ErrInvalidRequest, why)
}

// StoreKey returns the key of the purchase in a [Store].
func (p Purchase) StoreKey() connect.Key { return connect.Key{Realm: p.Realm, ID: p.ID} }

// Clone returns a copy that shares nothing with the purchase.
func (p Purchase) Clone() Purchase {
	p.Data, p.History = slices.Clone(p.Data), slices.Clone(p.History)
	return p
}

// move changes the purchase's state.
func (p *Purchase) move(to State, at time.Time, cause string) {
	p.note(to, at, cause)
	p.KeyFreed = p.KeyFreed || p.State == Refused && to != Created
	p.State = to
	switch to {
	case Refused, Canceled:
		p.Cause = cause
	case Released: // keep the cause of the cancellation, which a failed release has replaced
		for _, change := range p.History {
			if change.To == Canceled && change.From != Canceled {
				p.Cause = change.Cause
			}
		}
	default:
		p.Cause = ""
	}
	if to == Settled {
		p.PaidAt = at
	}
	p.clearAttempts()
}

// clearAttempts resets the attempts of a step.
func (p *Purchase) clearAttempts() {
	p.Attempts, p.FailingSince, p.StuckAt = 0, time.Time{}, time.Time{}
}

// park marks the purchase stuck.
func (p *Purchase) park(at time.Time, cause string) {
	p.note(p.State, at, "stuck: "+cause)
	p.Cause, p.StuckAt, p.NextAt = cause, at, time.Time{}
}

// erase removes everything that identifies or describes the user.
func (p *Purchase) erase(at time.Time, by string) {
	p.UserID, p.GloebitID, p.ConnectedAt, p.Cause, p.TraceParent = "", "", time.Time{}, "", ""
	p.Order = Order{Item: p.Item, Product: p.Product, Price: p.Price, Quantity: p.Quantity}
	p.History = slices.Clone(p.History)
	for i := range p.History {
		p.History[i].Cause = ""
	}
	p.note(p.State, at, "erased")
	p.sign(by)
}

// sign records the operator who made the last change.
func (p *Purchase) sign(by string) { p.History[len(p.History)-1].By = clip(by) }

// note adds an entry to the history.
func (p *Purchase) note(to State, at time.Time, cause string) {
	p.History, p.UpdatedAt = append(slices.Clone(p.History), Change{From: p.State, To: to, At: at, Cause: cause}), at
}
