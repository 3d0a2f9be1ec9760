package books

import (
	"context"
	"database/sql"
	"errors"

	"github.com/go-gloebit/gloebit/stores/sealed"
)

// olderHoldKey returns the key that signs the hold URLs where the database itself
// holds it. Older shops kept it there, and their tokens in plain. It is empty
// when the database is none of those.
func (b *Books) olderHoldKey(ctx context.Context) (key string, err error) {
	err = b.db.QueryRowContext(ctx, "SELECT value FROM shop_settings WHERE name = 'hold key'").Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return key, err
}

// sealOlder seals the tokens of an older shop and removes its hold key. What is
// deleted stays readable in the file until VACUUM writes it anew, and what VACUUM
// writes is in the log beside the file until a checkpoint. All of it can be done
// again after an interruption.
func (b *Books) sealOlder(ctx context.Context, sealing []sealed.Key) error {
	tokens, err := sealed.NewInsecureAcceptPlain(b.Store, sealing...) // this once: the tokens are plain
	if err != nil {
		return err
	}
	if _, err := tokens.Reseal(ctx); err != nil {
		return err
	}
	for _, statement := range []string{
		"DELETE FROM shop_settings WHERE name = 'hold key'", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)",
	} {
		if _, err := b.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
