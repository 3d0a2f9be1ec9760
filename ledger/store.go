package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// Store keeps purchases, of any number of realms. It is safe for concurrent
// use, by any number of processes when it is shared. It need not retry.
//
// A store returns a purchase exactly as it was saved: strings and Data byte for
// byte, times in UTC to the microsecond. Strings that differ in any byte are
// different, even if only in upper and lower case or in trailing spaces. Every
// field survives encoding/json, so a store may keep a purchase as one JSON text
// beside the columns that it searches by. If [Purchase.Check] returns an error,
// the store saves nothing and returns that error. If the context has ended, a
// method does nothing and returns its error. Purchases of different realms are
// different purchases, even with the same IDs, users and keys.
//
// Package github.com/go-gloebit/gloebit/ledger/ledgertest tests a Store.
type Store interface {
	// Create stores a new purchase, and returns it and true. If a purchase of
	// the same realm and user holds the key (see [Purchase.HoldsKey]), Create
	// stores nothing and returns that purchase and false. If there is none, but
	// a purchase of the same realm has the ID, it returns that one and false. Of
	// any number of callers with one key or ID, in this process or another, one
	// creates the purchase and all get it.
	Create(ctx context.Context, p Purchase) (kept Purchase, created bool, err error)
	// Get returns the purchase with that realm and ID. When there is none, the
	// error is gloebit.ErrNotFound. It does not wait for a Change.
	Get(ctx context.Context, key connect.Key) (Purchase, error)
	// Change calls fn with the purchase, saves what fn returns, and returns
	// that. When there is none, the error is gloebit.ErrNotFound and fn is not
	// called. From before the call of fn until after the save, no other Change,
	// CompareAndSwap or Claim of that purchase runs, in this process or another:
	// others wait, at most until their context ends. If fn returns an error, nothing is
	// saved and Change returns that error. If the store could no longer
	// guarantee exclusive access while fn ran, Change returns an error of the
	// store instead, and errors.Is does not match fn's error. If fn panics,
	// nothing is saved, the lock is released, and the panic continues. Change
	// calls fn at most once.
	//
	// A store with transactions reads, calls fn and saves within one, and gives
	// fn a context with which the application writes in that same transaction:
	// what it writes is kept if and only if the purchase is saved. The context
	// passed to fn is canceled when ctx ends or when the store can no longer
	// guarantee all this. If fn keeps running long after that, the store may
	// release its lock, so that others can change the purchase. fn must not call
	// a method of the store. fn must not change Realm, ID and CreatedAt. It may
	// change UserID only if UserID was or becomes empty, or if the purchase was
	// Refused. It may change GloebitID and IdempotencyKey only if UserID was or
	// becomes empty. If fn takes a purchase out of Refused while another purchase
	// holds its key, Change saves nothing and returns an error.
	Change(
		ctx context.Context, key connect.Key, fn func(ctx context.Context, p Purchase) (Purchase, error),
	) (Purchase, error)
	// CompareAndSwap saves next, and returns it and true, if the stored
	// purchase equals old, in one atomic step. Otherwise, also when there is
	// none, it saves nothing and returns false. It waits for a Change of that
	// purchase. Of any number of callers with the same old, in this process or
	// another, one saves its next. old is a purchase as a method of the store
	// has returned it. next obeys the rules for what a Change saves, and
	// differs from old in at least one field.
	CompareAndSwap(ctx context.Context, old, next Purchase) (saved Purchase, swapped bool, err error)
	// Claim finds the purchase of that realm and state that has been due the
	// longest, sets its NextAt to until, and returns it, in one atomic step: of
	// any number of callers, one gets it. A purchase is due if its NextAt is
	// not zero and not after now. Claim may skip a purchase whose Change runs.
	// When none is due, the error is gloebit.ErrNotFound. When the purchase
	// can't be read, the error is [ErrUnreadable]; NextAt is set nevertheless,
	// so that the purchase does not block others.
	Claim(ctx context.Context, realm string, state State, now, until time.Time) (Purchase, error)
	// ClaimUnreported is like Claim, for a purchase of any state and by its
	// ReportAt instead of its NextAt.
	ClaimUnreported(ctx context.Context, realm string, now, until time.Time) (Purchase, error)
	// List returns the purchases that match the query, newest first: by
	// CreatedAt and then by ID, both descending, or with OldestFirst both
	// ascending. A purchase that can't be read is returned with the fields that
	// are known, and its Cause says why.
	List(ctx context.Context, q Query) ([]Purchase, error)
	// Counts returns the number of unfinished and of unreported purchases by
	// realm and state, for all realms, in the order of realms and [States]. A
	// purchase is overdue when its NextAt is set and before the given time. It
	// is unreported when its ReportAt is set and its UpdatedAt is before the
	// given time, even if ReportAt is later, because each failed report moves
	// it. There is a Count for each realm and state with an unfinished or an
	// unreported purchase.
	Counts(ctx context.Context, before time.Time) ([]Count, error)
	// Tally returns the sums of a realm's purchases; [Grouping] says which are
	// counted and in which order. From is inclusive, until is exclusive, and zero
	// means no limit. If the grouping is unknown, the error is
	// gloebit.ErrInvalidRequest.
	Tally(ctx context.Context, realm string, by Grouping, from, until time.Time) ([]Tally, error)
	// Prune removes the finished purchases of a realm whose UpdatedAt is before
	// the given time and whose ReportAt is zero. It removes some at a time, and
	// returns how many it removed, also with an error. It may skip a purchase
	// whose Change runs. Their keys are free afterwards.
	Prune(ctx context.Context, realm string, before time.Time) (removed int64, err error)
}

// Count counts the unfinished and the unreported purchases of a realm in a
// state. For Delivered, Refused and Released, which are finished, only
// Unreported is set.
type Count struct {
	Realm      string
	State      State
	Purchases  int64 // all unfinished ones
	Stuck      int64 // marked stuck
	Overdue    int64 // whose next step should have been tried
	Unreported int64 // with a change that Config.OnChange has not accepted

	Oldest       time.Time // the earliest CreatedAt of the unfinished ones
	OverdueSince time.Time // the earliest NextAt of those that are overdue; zero if none is
}

// Grouping is how a [Tally] groups purchases.
type Grouping string

const (
	// ByDay adds up the paid purchases of each day in UTC, in the order of the
	// days. It counts those whose PaidAt is in the period. A day without any
	// has no Tally.
	ByDay Grouping = "day"
	// ByItem adds up the paid purchases of each item or product. It counts
	// those whose PaidAt is in the period, and returns the hundred with the
	// highest totals, highest first; equal totals are sorted by name.
	ByItem Grouping = "item"
	// ByState adds up the purchases in each state, in the order of [States]. It
	// counts those whose CreatedAt is in the period.
	ByState Grouping = "state"
)

// Tally is the sum of a group of purchases.
type Tally struct {
	Day       time.Time // its midnight in UTC, with ByDay
	Item      string    // the item or product, with ByItem
	State     State     // with ByState
	Purchases int64     // how many
	Gloebits  int64     // their totals, in whole gloebits; see [Order].Price for products
}

// Query selects purchases to list. Realm must be set. With no other field set,
// it selects the newest 100.
type Query struct {
	Realm     string    // of this realm; [Ledger.List] sets it to the ledger's
	UserID    string    // of this user; empty means all users
	GloebitID string    // paid by this account at Gloebit; empty means all
	Item      string    // of this item or product; empty means all
	States    []State   // in one of these states; empty means any state
	Stuck     bool      // only those that are stuck
	DueBefore time.Time // only those whose NextAt is set and before this; zero means all
	From      time.Time // only those with a CreatedAt at or after this; zero means all
	Until     time.Time // only those with a CreatedAt before this; zero means all
	After     Cursor    // only those that come after this place; zero means from the start
	Limit     int       // the most purchases to return, up to 1,000; zero means 100

	OldestFirst bool // list the oldest first
}

const (
	defaultLimit = 100
	maxListed    = 1000
)

// PageSize returns Limit, or the limit that applies if it is zero or too large.
func (q Query) PageSize() int {
	if q.Limit <= 0 {
		return defaultLimit
	}
	return min(q.Limit, maxListed)
}

// Cursor is a place in a list of purchases. The zero value is its start. For
// the next page, set Query.After to the Cursor of the last purchase.
type Cursor struct {
	CreatedAt time.Time
	ID        string
}

// Cursor returns the place of the purchase in a list.
func (p Purchase) Cursor() Cursor { return Cursor{CreatedAt: p.CreatedAt, ID: p.ID} }

// IsZero reports whether the cursor is the start of a list.
func (c Cursor) IsZero() bool { return c.ID == "" }

// String returns the cursor in a form for URLs, which [ParseCursor] reads.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	return strconv.FormatInt(c.CreatedAt.UnixMicro(), 10) + "." + c.ID
}

// ParseCursor reads what [Cursor.String] wrote. The empty string is the zero
// cursor.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	micros, id, _ := strings.Cut(s, ".")
	at, err := strconv.ParseInt(micros, 10, 64)
	if err == nil && (id == "" || len(id) > maxID) {
		err = errors.New("no id")
	}
	if err != nil {
		return Cursor{}, fmt.Errorf("ledger: %.60q is not a place in a list", s)
	}
	return Cursor{CreatedAt: time.UnixMicro(at).UTC(), ID: id}, nil
}
