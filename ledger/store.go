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

// Store keeps purchases, of any number of realms. It is safe for concurrent use,
// by any number of processes when it is shared. It does not retry; callers
// decide.
//
// A purchase comes back as it was saved: strings and Data byte for byte, times
// in UTC with their microseconds. Strings that differ in any byte are different,
// also in the case of a letter or in spaces at the end. Every field survives
// encoding/json, so a store may keep a purchase as one JSON text beside the
// columns that it searches by. Whatever [Purchase.Check] refuses is refused with
// that error. A context that has ended does nothing, and its error is returned.
// Purchases of different realms are different purchases, whatever their IDs,
// users and keys.
//
// Package github.com/go-gloebit/gloebit/ledger/ledgertest tests a Store.
type Store interface {
	// Create keeps a new purchase, and returns it and true. It keeps nothing,
	// and returns another purchase and false, when one of the same realm and
	// user holds the key (see [Purchase.HoldsKey]), or else when one of the realm
	// has the ID. Of any number of callers with one key or ID, here or
	// elsewhere, one creates and all get the same purchase.
	Create(ctx context.Context, p Purchase) (kept Purchase, created bool, err error)
	// Get returns the purchase with that realm and ID. When there is none, the
	// error is gloebit.ErrNotFound. It does not wait for a Change.
	Get(ctx context.Context, key connect.Key) (Purchase, error)
	// Change calls fn with the purchase, saves what fn returns, and returns
	// that. When there is none, the error is gloebit.ErrNotFound and fn is not
	// called. From before fn until after the save no other Change or Claim of
	// that purchase runs, in this process or another: others wait until their
	// context ends. When fn fails, nothing is saved and Change returns fn's
	// error; but when the store can no longer guarantee that fn ran alone, its
	// error is the store's, and not fn's by errors.Is. When fn panics, nothing
	// is saved, the purchase is free again, and the panic goes on. Change calls
	// fn at most once.
	//
	// A store with transactions reads, calls fn and saves within one, and gives
	// fn a context with which the application writes in that same transaction:
	// what it writes is kept if and only if the purchase is saved. The context
	// that fn gets ends when the store can no longer guarantee all this, and
	// with ctx; when fn still goes on long after that, the store may give the
	// purchase up as if it were lost, so that it is free elsewhere. fn calls
	// no method of the store, and leaves Realm, ID and CreatedAt as they are,
	// and GloebitID and Key unless UserID was empty, and UserID unless it was
	// empty or the purchase was Refused. A purchase that holds its key again,
	// since it is not refused any more, while another holds it, is an error, and
	// nothing is saved.
	Change(ctx context.Context, key connect.Key, fn func(ctx context.Context, p Purchase) (Purchase, error)) (Purchase, error)
	// Claim picks the purchase of that realm and in that state that has been due
	// the longest: whose NextAt is not zero and not after now. It sets its NextAt
	// to until and returns it so, in one atomic step: of any number of callers,
	// one gets it. A purchase whose Change runs may be left out rather than
	// waited for. When none is due, the error is gloebit.ErrNotFound. When it
	// can't be read, the error is [ErrUnreadable], and NextAt is set all the
	// same, so that it delays no other.
	Claim(ctx context.Context, realm string, state State, now, until time.Time) (Purchase, error)
	// List returns the purchases that the query asks for, newest first: by
	// CreatedAt, and by ID where that is equal, both descending. One that can't
	// be read hides no other: it is returned with what can be told of it, and
	// its Cause says why.
	List(ctx context.Context, q Query) ([]Purchase, error)
	// Counts counts the purchases that are not finished, by realm and state, of
	// all realms, in the order of realms and [States]. One is overdue when its
	// NextAt is before the given time. What is not there has no Count.
	Counts(ctx context.Context, overdue time.Time) ([]Count, error)
}

// Count is how many unfinished purchases there are in a realm and a state.
type Count struct {
	Realm     string
	State     State
	Purchases int64 // all of them
	Stuck     int64 // marked stuck
	Overdue   int64 // whose next step should have been tried
}

// Query says which purchases to list. Realm must be set; with nothing else it
// asks for the newest 100.
type Query struct {
	Realm     string    // of this realm; [Ledger.List] sets its own
	UserID    string    // of this user; empty means of all
	States    []State   // in one of these states; empty means in any
	Stuck     bool      // only those that are stuck
	DueBefore time.Time // only those whose NextAt is set and before; zero means all
	From      time.Time // with a CreatedAt that is not before; zero means from the first
	Until     time.Time // with a CreatedAt that is before; zero means up to the last
	After     Cursor    // only those that come after this place; zero means from the start
	Limit     int       // at most so many, up to 1,000; zero means 100
}

const (
	defaultLimit = 100
	mostListed   = 1000
)

// PageSize is Limit, or what stands for it when it is zero or too much.
func (q Query) PageSize() int {
	if q.Limit <= 0 {
		return defaultLimit
	}
	return min(q.Limit, mostListed)
}

// Cursor is a place in a list of purchases. The zero value is its start. For
// the next page, set Query.After to the Cursor of the last purchase.
type Cursor struct {
	CreatedAt time.Time
	ID        string
}

// Cursor is the place of the purchase in a list.
func (p Purchase) Cursor() Cursor { return Cursor{CreatedAt: p.CreatedAt, ID: p.ID} }

// IsZero reports whether the cursor is the start of a list.
func (c Cursor) IsZero() bool { return c.ID == "" }

// String is the cursor as a URL carries it, for [ParseCursor].
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
	if err == nil && (id == "" || len(id) > longestID) {
		err = errors.New("no id")
	}
	if err != nil {
		return Cursor{}, fmt.Errorf("ledger: %.60q is not a place in a list", s)
	}
	return Cursor{CreatedAt: time.UnixMicro(at).UTC(), ID: id}, nil
}
