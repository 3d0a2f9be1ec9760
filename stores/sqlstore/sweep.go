package sqlstore

import (
	"context"
	"iter"
	"slices"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

const batch = 500 // rows that one statement reads or removes

// Sweep removes the states that have expired and the credentials whose Until
// has passed, and returns how many there were. Nothing else removes what nobody
// asks for, and nobody calls Sweep by itself: call it every few minutes, from
// one replica or from all. It removes a few hundred rows at a time, so what it
// has done when it fails stays done. It waits for an Update of a user whose
// credential has lapsed.
//
// The error is that of the context when it has ended, or the database's; the
// number is right also then.
func (s *Store) Sweep(ctx context.Context) (removed int64, err error) {
	for _, table := range []struct{ name, key, until string }{
		{"gloebit_states", "state_key", "expires_at"},
		{"gloebit_credentials", "user_id", "valid_until"},
	} {
		n, err := s.sweepTable(ctx, table.name, table.key, table.until)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// sweepTable finds rows first and removes them by their keys, so that rows are
// locked in the order in which all others lock them.
func (s *Store) sweepTable(ctx context.Context, table, key, until string) (removed int64, err error) {
	now := s.now().UnixMicro()
	expired := " WHERE " + until + " <= ?"
	after := []byte{}
	for {
		keys, err := s.db.Keys(ctx, "SELECT "+key+" FROM "+table+expired+" AND "+key+" > ? ORDER BY "+key+" LIMIT ?", now, after, batch)
		if err != nil {
			return removed, failed(ctx, "find what has expired", err)
		}
		if len(keys) == 0 {
			return removed, nil
		}
		after = keys[len(keys)-1]
		together := len(keys)
		if s.db.Dialect == sqldb.MySQL { // it locks the gaps between rows that one statement finds, and then others' saves are its victims
			together = 1
		}
		for some := range slices.Chunk(keys, together) {
			args := append([]any{now}, toAny(some)...)
			found := expired + " AND " + key + " IN (" + sqldb.Marks(len(some)) + ")"
			if s.db.Dialect == sqldb.Postgres { // it deletes in no order, and two sweeps would wait for each other
				found = " WHERE " + key + " IN (SELECT " + key + " FROM " + table + found + " ORDER BY " + key + " FOR UPDATE)"
			}
			n, err := s.exec(ctx, "remove what has expired", "DELETE FROM "+table+found, args...)
			removed += n
			if err != nil {
				return removed, err
			}
		}
	}
}

// UserIDs goes over the ids of the users who have a credential, in the order of
// their bytes, a few hundred at a time. It holds no connection while the caller
// works. Users who come or go meanwhile, and those whose credential has lapsed,
// may be among them or not. It ends after an error: that of the context when it has ended, or the database's.
func (s *Store) UserIDs(ctx context.Context) iter.Seq2[string, error] {
	const query = "SELECT user_id FROM gloebit_credentials WHERE user_id > ? ORDER BY user_id LIMIT ?"
	return func(yield func(string, error) bool) {
		after := []byte{}
		for {
			ids, err := s.db.Keys(ctx, query, after, batch)
			if err != nil {
				yield("", failed(ctx, "list the users", err))
				return
			}
			for _, id := range ids {
				if !yield(string(id), nil) {
					return
				}
			}
			if len(ids) < batch {
				return
			}
			after = ids[len(ids)-1]
		}
	}
}

var _ interface {
	gloebit.TokenStore
	UserIDs(context.Context) iter.Seq2[string, error]
} = (*Store)(nil)
