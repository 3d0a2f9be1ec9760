package sqlledger

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// columnNames are the columns of a purchase except held_key. The ID and the
// realm come first, so that the error for a row that can't be read names the
// purchase.
var columnNames = []string{
	"id", "realm", "user_id", "gloebit_id", "order_key", "item", "quantity", "amount", "state",
	"created_at", "updated_at", "next_at", "stuck_at", "paid_at", "report_at", "purchase",
}

// columns returns the columns that a query reads. It leaves out those of the
// order, which are for the application's own queries; the JSON has them too.
func columns(dialect sqldb.Dialect) string {
	var read []string
	for _, name := range columnNames {
		switch {
		case name == "item", name == "quantity", name == "amount":
			continue
		case strings.HasSuffix(name, "_at"):
			name = dialect.Select(name)
		}
		read = append(read, name)
	}
	return strings.Join(read, ", ")
}

// purchaseRow is a row of the table. Its columns serve queries and people; rest
// is JSON with everything else and copies of most columns.
type purchaseRow struct {
	id, realm, userID, gloebitID, key, item                 string
	quantity, amount                                        int64
	state                                                   string
	createdAt, updatedAt, nextAt, stuckAt, paidAt, reportAt time.Time
	rest                                                    []byte
	held                                                    bool            // the purchase holds its key; only written
	kept                                                    ledger.Purchase // as it will be read; only of rows to write
}

// newPurchaseRow returns the row of a purchase, or the error of Check.
func newPurchaseRow(p ledger.Purchase) (purchaseRow, error) {
	if err := p.Check(); err != nil {
		return purchaseRow{}, err
	}
	row := purchaseRow{
		id: p.ID, realm: p.Realm, userID: p.UserID, gloebitID: p.GloebitID, key: p.IdempotencyKey, item: p.Item + p.Product,
		quantity: p.Quantity, amount: amount(p.Order), state: string(p.State),
		createdAt: p.CreatedAt, updatedAt: p.UpdatedAt, nextAt: p.NextAt, stuckAt: p.StuckAt, paidAt: p.PaidAt,
		reportAt: p.ReportAt, held: p.HoldsKey(),
	}
	p = p.Clone()
	row.setTimes(&p) // first, so that equal purchases have equal rows
	row.kept = p
	// Columns hold these fields, and claims change two of them.
	p.UserID, p.IdempotencyKey, p.NextAt, p.ReportAt, p.GloebitID = "", "", time.Time{}, time.Time{}, ""
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // escaping would change Data
	if err := encoder.Encode(p); err != nil {
		return purchaseRow{}, fmt.Errorf("%w: purchase: %w", connect.ErrInvalidRequest, err)
	}
	row.rest = bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	if len(p.Data) > 0 { // the encoder has removed the spaces
		var compact bytes.Buffer
		_ = json.Compact(&compact, p.Data) // valid, because it was encoded
		row.kept.Data = compact.Bytes()
	}
	return row, nil
}

// amount returns the total of an order, or 0 if it is out of range, which no
// ledger produces.
func amount(o ledger.Order) int64 {
	if total := o.Total(); total >= 0 && total < math.MaxInt64 {
		return total
	}
	return 0
}

// args returns the values of columnNames and held_key.
func (r *purchaseRow) args(d sqldb.Dialect) []any {
	var held any
	if r.held {
		held = sqldb.Text(d, r.key)
	}
	return []any{
		sqldb.Text(d, r.id), sqldb.Text(d, r.realm), sqldb.Text(d, r.userID), sqldb.Text(d, r.gloebitID),
		sqldb.Text(d, r.key),
		sqldb.Text(d, r.item), r.quantity, r.amount, r.state,
		d.Time(r.createdAt), d.Time(r.updatedAt), d.Time(r.nextAt), d.Time(r.stuckAt), d.Time(r.paidAt),
		d.Time(r.reportAt),
		sqldb.Text(d, string(r.rest)), held,
	}
}

// comparedNames are the columns that CompareAndSwap compares, besides the key.
// purchase comes first, because it differs for nearly every change.
var comparedNames = []string{
	"purchase", "user_id", "gloebit_id", "order_key", "state",
	"created_at", "next_at", "stuck_at", "paid_at", "report_at",
}

// compared returns the key and the values of comparedNames.
func (r *purchaseRow) compared(d sqldb.Dialect) []any {
	return []any{
		sqldb.Text(d, r.realm), sqldb.Text(d, r.id), sqldb.Text(d, string(r.rest)), sqldb.Text(d, r.userID),
		sqldb.Text(d, r.gloebitID), sqldb.Text(d, r.key), r.state,
		d.Time(r.createdAt), d.Time(r.nextAt), d.Time(r.stuckAt), d.Time(r.paidAt), d.Time(r.reportAt),
	}
}

// scan reads the columns, and additional ones. Its error names the purchase.
func (r *purchaseRow) scan(row interface{ Scan(...any) error }, more ...any) error {
	*r = purchaseRow{}
	columns := []any{
		&r.id, &r.realm, &r.userID, &r.gloebitID, &r.key, &r.state,
		(*sqldb.Time)(&r.createdAt), (*sqldb.Time)(&r.updatedAt), (*sqldb.Time)(&r.nextAt), (*sqldb.Time)(&r.stuckAt),
		(*sqldb.Time)(&r.paidAt), (*sqldb.Time)(&r.reportAt), &r.rest,
	}
	err := row.Scan(append(columns, more...)...)
	if err != nil && r.id != "" { // a later column can't be read
		return r.unreadable(err)
	}
	return err
}

func (r *purchaseRow) unreadable(err error) error {
	return fmt.Errorf("%w: read purchase %s: %w", ledger.ErrUnreadable, r.id, err)
}

// purchase returns the purchase of the row.
func (r *purchaseRow) purchase() (p ledger.Purchase, err error) {
	if err := json.Unmarshal(r.rest, &p); err != nil {
		return ledger.Purchase{}, r.unreadable(err)
	}
	r.setColumns(&p)
	return p, nil
}

// setColumns sets the fields for which the columns take precedence.
func (r *purchaseRow) setColumns(p *ledger.Purchase) {
	p.ID, p.Realm, p.UserID, p.GloebitID, p.IdempotencyKey = r.id, r.realm, r.userID, r.gloebitID, r.key
	p.State = ledger.State(r.state)
	r.setTimes(p)
}

// setTimes sets the times to those of the columns, and normalizes the others as
// a round trip through JSON does.
func (r *purchaseRow) setTimes(p *ledger.Purchase) {
	p.CreatedAt, p.NextAt, p.StuckAt, p.PaidAt = micro(r.createdAt), micro(r.nextAt), micro(r.stuckAt), micro(r.paidAt)
	p.ReportAt = micro(r.reportAt)
	for _, at := range []*time.Time{&p.UpdatedAt, &p.ConnectedAt, &p.FailingSince} {
		*at = at.UTC().Round(0)
	}
	for i := range p.History {
		p.History[i].At = p.History[i].At.UTC().Round(0)
	}
}

func (r *purchaseRow) read(rows *sql.Rows) (ledger.Purchase, error) {
	if err := r.scan(rows); err != nil {
		return ledger.Purchase{}, err
	}
	return r.purchase()
}

// unplaced is the time of creation for a row whose created_at is not a time.
// Only SQLite can store such a row, and it lists it before all others.
var unplaced = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// list reads a purchase for a list. So that one that can't be read does not
// hide the others, it is returned with the fields that its columns hold and the
// reason as its Cause.
func (r *purchaseRow) list(rows *sql.Rows) (ledger.Purchase, error) {
	p, err := r.read(rows)
	if err == nil || r.id == "" {
		return p, err
	}
	_, why, _ := strings.Cut(err.Error(), r.id+": ")
	p = ledger.Purchase{Cause: "can't be read: " + strings.ToValidUTF8(why, "")}
	r.setColumns(&p)
	p.UpdatedAt = micro(r.updatedAt)
	if r.createdAt.IsZero() {
		p.CreatedAt = unplaced
	}
	return p, nil
}

// micro returns a time as the database will return it.
func micro(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Round(0).Truncate(time.Microsecond)
}
