package sqlledger

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

const purchaseColumns = "id, user_id, gloebit_id, order_key, state, created_at, next_at, stuck_at, key_until, purchase"

// purchaseRow is a purchase as it is in the table: what is searched by in
// columns, and the rest, with copies of some of that, as JSON.
type purchaseRow struct {
	id, userID, gloebitID, key []byte
	state                      string
	createdAt                  int64
	nextAt, stuckAt, keyUntil  sql.NullInt64
	rest                       []byte
}

// newPurchaseRow is the row of a purchase, or what Check says against it.
func newPurchaseRow(p ledger.Purchase) (purchaseRow, error) {
	if err := p.Check(); err != nil {
		return purchaseRow{}, err
	}
	row := purchaseRow{
		id: sqldb.Stored(p.ID), userID: sqldb.Stored(p.UserID), gloebitID: sqldb.Stored(p.GloebitID), key: sqldb.Stored(p.Key),
		state: string(p.State), createdAt: p.CreatedAt.UnixMicro(),
		nextAt: sqldb.StoredTime(p.NextAt), stuckAt: sqldb.StoredTime(p.StuckAt), keyUntil: sqldb.StoredTime(p.KeyUntil),
	}
	// These are in columns: two may be no text, and Claim changes one.
	p.UserID, p.Key, p.NextAt, p.GloebitID = "", "", time.Time{}, ""
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it would change Data
	if err := encoder.Encode(p); err != nil {
		return purchaseRow{}, fmt.Errorf("%w: purchase: %w", connect.ErrInvalidRequest, err)
	}
	row.rest = bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	return row, nil
}

// args are the values of purchaseColumns.
func (r *purchaseRow) args() []any {
	return []any{r.id, r.userID, r.gloebitID, r.key, r.state, r.createdAt, r.nextAt, r.stuckAt, r.keyUntil, r.rest}
}

// scan reads the columns, and some more. Its error names the purchase.
func (r *purchaseRow) scan(row interface{ Scan(...any) error }, more ...any) error {
	*r = purchaseRow{}
	columns := []any{&r.id, &r.userID, &r.gloebitID, &r.key, &r.state, &r.createdAt, &r.nextAt, &r.stuckAt, &r.keyUntil, &r.rest}
	err := row.Scan(append(columns, more...)...)
	if err != nil && len(r.id) > 0 { // the others can't be read
		return r.unreadable(err)
	}
	return err
}

func (r *purchaseRow) unreadable(err error) error {
	return fmt.Errorf("read purchase %s: %w", r.id, err)
}

// purchase is the purchase of the row.
func (r *purchaseRow) purchase() (p ledger.Purchase, err error) {
	if err := json.Unmarshal(r.rest, &p); err != nil {
		return ledger.Purchase{}, r.unreadable(err)
	}
	r.setColumns(&p)
	return p, nil
}

// setColumns sets what is in columns, which have the last word.
func (r *purchaseRow) setColumns(p *ledger.Purchase) {
	p.ID, p.UserID, p.GloebitID, p.Key = string(r.id), string(r.userID), string(r.gloebitID), string(r.key)
	p.State = ledger.State(r.state)
	r.setTimes(p)
}

// kept is the purchase that the row was made of, as purchase would read it.
func (r *purchaseRow) kept(p ledger.Purchase) ledger.Purchase {
	p = p.Clone()
	if len(p.Data) > 0 { // the encoder has taken the spaces out
		var compact bytes.Buffer
		_ = json.Compact(&compact, p.Data) // or it would not have been encoded
		p.Data = compact.Bytes()
	}
	r.setTimes(&p)
	return p
}

// setTimes sets the times to those of the columns, or to what JSON makes of
// them.
func (r *purchaseRow) setTimes(p *ledger.Purchase) {
	p.CreatedAt, p.UpdatedAt = time.UnixMicro(r.createdAt).UTC(), p.UpdatedAt.UTC().Round(0)
	p.NextAt, p.StuckAt, p.KeyUntil = sqldb.ReadTime(r.nextAt), sqldb.ReadTime(r.stuckAt), sqldb.ReadTime(r.keyUntil)
	for i := range p.History {
		p.History[i].At = p.History[i].At.UTC().Round(0)
	}
}

// Get implements [ledger.Store]. The error is ErrNotFound when there is no such
// purchase, that of the context when it has ended, or the database's.
func (s *Store) Get(ctx context.Context, id string) (ledger.Purchase, error) {
	rows, err := s.purchases(ctx, "get a purchase", (*purchaseRow).read, "SELECT "+purchaseColumns+" FROM gloebit_purchases WHERE id = ?", sqldb.Stored(id))
	return onlyPurchase(rows, err)
}

// purchases runs a query for purchases. Its rows are read to their end, also
// after one that can't be: it is there that SQLite commits one that writes.
func (s *Store) purchases(ctx context.Context, doing string, read readFunc, query string, args ...any) (list []ledger.Purchase, err error) {
	query = s.db.Dialect.Rebind(query)
	err = s.db.Patiently(ctx, func() error {
		list = nil
		rows, err := s.db.SQL.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var unreadable error
		for rows.Next() {
			p, err := read(new(purchaseRow), rows)
			if err != nil && unreadable == nil {
				unreadable = err
			}
			list = append(list, p)
		}
		return errors.Join(rows.Err(), rows.Close(), unreadable)
	})
	if err != nil {
		return nil, failed(ctx, doing, err)
	}
	return list, nil
}

// readFunc makes a purchase of what is next.
type readFunc = func(*purchaseRow, *sql.Rows) (ledger.Purchase, error)

func (r *purchaseRow) read(rows *sql.Rows) (ledger.Purchase, error) {
	if err := r.scan(rows); err != nil {
		return ledger.Purchase{}, err
	}
	return r.purchase()
}

// unplaced is when a purchase was created whose created_at is no number. Only
// SQLite keeps such, and it lists them before all others.
var unplaced = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// list reads a purchase for a list, where one that can't be read must not hide
// the others: it is what its columns tell, and its Cause says why.
func (r *purchaseRow) list(rows *sql.Rows) (ledger.Purchase, error) {
	p, err := r.read(rows)
	if err == nil || len(r.id) == 0 {
		return p, err
	}
	p = ledger.Purchase{Cause: "can't be read: " + strings.ToValidUTF8(errors.Unwrap(err).Error(), "")}
	r.setColumns(&p)
	if r.createdAt == 0 {
		p.CreatedAt = unplaced
	}
	return p, nil
}

// onlyPurchase is the one of a list, or ErrNotFound.
func onlyPurchase(list []ledger.Purchase, err error) (ledger.Purchase, error) {
	if err == nil && len(list) == 0 {
		err = connect.ErrNotFound
	}
	if err != nil {
		return ledger.Purchase{}, err
	}
	return list[0], nil
}

// List implements [ledger.Store]. A page costs as much as the purchases that are
// on it, wherever it is in the list, as far as an index serves the query: there
// are some for all purchases, those of a user, those in a state, and those that
// are stuck. A purchase that can't be read is listed with what its columns
// tell and no more, and a Cause that says why: Get has the error. The error is
// that of the context when it has ended, or the database's.
func (s *Store) List(ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
	query, args := "SELECT "+purchaseColumns+" FROM gloebit_purchases WHERE 1 = 1", []any{}
	where := func(condition string, values ...any) {
		query += " AND " + condition
		args = append(args, values...)
	}
	if q.UserID != "" {
		where("user_id = ?", sqldb.Stored(q.UserID))
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
	if !q.From.IsZero() {
		where("created_at >= ?", q.From.UnixMicro())
	}
	if !q.Until.IsZero() {
		where("created_at < ?", q.Until.UnixMicro())
	}
	if !q.After.IsZero() { // in words that every database sees a range of an index in
		at := q.After.CreatedAt.UnixMicro()
		where("created_at <= ? AND (created_at < ? OR id < ?)", at, at, sqldb.Stored(q.After.ID))
	}
	return s.purchases(ctx, "list purchases", (*purchaseRow).list, query+" ORDER BY created_at DESC, id DESC LIMIT ?", append(args, q.PageSize())...)
}
