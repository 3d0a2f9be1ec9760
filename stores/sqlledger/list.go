package sqlledger

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// List implements [ledger.Store]. If an index serves the query, a page costs as
// much as the purchases on it, wherever it is in the list. There are indexes
// for all purchases of a realm, for those of a user, an account, an item or a
// state, for an item in a state, and for stuck and due purchases. A purchase
// that can't be read is listed with the fields that its columns hold and the
// reason as its Cause; Get returns the error. The error is the context's when
// it has ended, or the database's.
func (s *Store) List(ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
	switch err := s.findable(ctx, q.Realm, q.UserID, q.GloebitID, q.Item); {
	case errors.Is(err, connect.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	query, args := s.listing(q)
	return s.purchases(ctx, "list purchases", (*purchaseRow).list, query, args...)
}

// listing returns the query for a list. With several states it is a union with
// one part per state, because no index has several states in the order of
// creation. A user and an account have few purchases and need no union.
func (s *Store) listing(q ledger.Query) (query string, args []any) {
	states := q.States
	if len(states) == 0 && q.Item != "" {
		states = ledger.States() // the index on items includes the state
	}
	narrow := q.UserID != "" || q.GloebitID != "" || q.Stuck || !q.DueBefore.IsZero()
	if narrow || len(states) < 2 {
		query, args = s.matching(q)
		return s.selects() + query, args
	}
	var parts []string
	for i, state := range states {
		q.States = []ledger.State{state}
		part, its := s.matching(q)
		parts = append(parts, "SELECT * FROM (SELECT * FROM "+table+part+") AS state"+strconv.Itoa(i))
		args = append(args, its...)
	}
	return "SELECT " + s.columns + " FROM (" + strings.Join(parts, " UNION ALL ") + ") AS purchases" +
		inOrder(q), append(args, q.PageSize())
}

// matching returns the conditions and the order of a list.
func (s *Store) matching(q ledger.Query) (query string, args []any) {
	query, args = " WHERE realm = ?", []any{s.text(q.Realm)}
	where := func(condition string, values ...any) {
		query += " AND " + condition
		args = append(args, values...)
	}
	at := s.db.Dialect.Time
	if q.UserID != "" {
		where("user_id = ?", s.text(q.UserID))
	}
	if q.GloebitID != "" {
		where("gloebit_id = ?", s.text(q.GloebitID))
	}
	if q.Item != "" {
		where("item = ?", s.text(q.Item))
	}
	if len(q.States) > 0 {
		states := make([]any, len(q.States))
		for i, state := range q.States {
			states[i] = string(state)
		}
		where("state IN ("+sqldb.Marks(len(states))+")", states...)
	}
	if q.Stuck {
		where("stuck_at IS NOT NULL")
	}
	if !q.DueBefore.IsZero() {
		where(unfinished+" AND next_at < ?", at(q.DueBefore))
	}
	if !q.From.IsZero() {
		where("created_at >= ?", at(q.From))
	}
	if !q.Until.IsZero() {
		where("created_at < ?", at(q.Until))
	}
	if !q.After.IsZero() { // in a form that every database can use as an index range
		beyond := "<"
		if q.OldestFirst {
			beyond = ">"
		}
		after := at(q.After.CreatedAt)
		where("created_at "+beyond+"= ? AND (created_at "+beyond+" ? OR id "+beyond+" ?)", after, after, s.text(q.After.ID))
	}
	return query + inOrder(q), append(args, q.PageSize())
}

// inOrder returns the ORDER BY and LIMIT of a list.
func inOrder(q ledger.Query) string {
	if q.OldestFirst {
		return " ORDER BY created_at, id LIMIT ?"
	}
	return " ORDER BY created_at DESC, id DESC LIMIT ?"
}

// unfinished is the condition for purchases that are not finished.
const unfinished = "state IN ('created', 'accepted', 'reserved', 'settled', 'canceled')"
