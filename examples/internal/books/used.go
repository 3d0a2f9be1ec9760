package books

import (
	"context"
	"time"
)

// remember is how long First remembers a form: longer than a page stays open
// between two submissions.
const remember = 24 * time.Hour

// First reports whether that form is new, and remembers it for a day. The shop
// needs it because Gloebit does not detect a repeated request to use up a
// product.
func (b *Books) First(ctx context.Context, form string, now time.Time) (bool, error) {
	if _, err := b.db.ExecContext(ctx, "DELETE FROM shop_used WHERE at < $1", now.Add(-remember).Unix()); err != nil {
		return false, err
	}
	result, err := b.db.ExecContext(
		ctx, "INSERT INTO shop_used (form, at) VALUES ($1, $2) ON CONFLICT DO NOTHING", form, now.Unix(),
	)
	if err != nil {
		return false, err
	}
	added, err := result.RowsAffected()
	return added == 1, err
}
