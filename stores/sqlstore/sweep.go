package sqlstore

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

const batch = 500 // rows that one statement reads or removes

// Sweep removes the states that have expired and the credentials whose
// ExpiresAt has passed, of all realms, and returns how many it removed. The
// Store never calls Sweep: call it every few minutes, from one replica or from
// all. It removes a few hundred rows at a time; if it fails, the rows removed
// so far stay removed. It waits for a running Update of a user whose credential
// it removes.
//
// The error is the context's when it has ended, or the database's. After an
// error, rows that the failed statement may have removed are not counted.
func (s *Store) Sweep(ctx context.Context) (removed int64, err error) {
	for _, table := range []sweepable{
		{"{p}oauth_states", "realm, state_hash", "expires_at"},
		{"{p}oauth_credentials", "realm, user_id", "valid_until"},
	} {
		sweep := s.sweepTogether
		if s.db.Dialect == sqldb.MySQL {
			sweep = s.sweepOneByOne
		}
		n, err := sweep(ctx, table, s.moment(s.clock()))
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// sweepable is a table whose rows expire.
type sweepable struct{ name, key, until string }

// sweepTogether removes a few hundred rows with each statement. PostgreSQL
// deletes in no order, so two sweeps could deadlock: it first locks the rows,
// in the order of their keys.
func (s *Store) sweepTogether(ctx context.Context, table sweepable, now any) (removed int64, err error) {
	expired := fmt.Sprintf("SELECT %s FROM %s WHERE %s <= ? ORDER BY %[1]s LIMIT ?", table.key, table.name, table.until)
	if s.db.Dialect == sqldb.Postgres {
		expired += " FOR UPDATE"
	}
	query := fmt.Sprintf("DELETE FROM %s WHERE (%s) IN (%s)", table.name, table.key, expired)
	for {
		n, err := s.exec(ctx, "remove what has expired", query, now, batch)
		removed += n
		if err != nil || n == 0 {
			return removed, err
		}
	}
}

// sweepOneByOne finds a few hundred rows and removes each by its key: in one
// statement, MySQL would lock the gaps between the rows, and concurrent saves
// would fail with deadlocks.
func (s *Store) sweepOneByOne(ctx context.Context, table sweepable, now any) (removed int64, err error) {
	realm, id, _ := strings.Cut(table.key, ", ")
	find := fmt.Sprintf("SELECT %s FROM %s WHERE %s <= ? LIMIT ?", table.key, table.name, table.until)
	remove := fmt.Sprintf("DELETE FROM %s WHERE %s = ? AND %s = ? AND %s <= ?", table.name, realm, id, table.until)
	for {
		keys, err := s.expiredKeys(ctx, find, now)
		if err != nil {
			return removed, failed(ctx, "find what has expired", err)
		}
		if len(keys) == 0 {
			return removed, nil
		}
		for _, key := range keys {
			n, err := s.exec(ctx, "remove what has expired", remove, text(s, key[0]), text(s, key[1]), now)
			removed += n
			if err != nil {
				return removed, err
			}
		}
	}
}

// expiredKeys runs a query for the realms and ids of a few hundred rows.
func (s *Store) expiredKeys(ctx context.Context, query string, now any) (keys [][2]string, err error) {
	err = s.db.Read(ctx, func(on sqldb.Querier) error {
		keys = nil
		rows, err := on.QueryContext(ctx, s.db.Query(query), now, batch)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key [2]string
			if err := rows.Scan(&key[0], &key[1]); err != nil {
				return err
			}
			keys = append(keys, key)
		}
		return rows.Err()
	})
	return keys, err
}

// UserIDs iterates over the IDs of the realm's users who have a credential, in
// the order of their bytes. It reads a few hundred at a time, and holds no
// connection while the caller's loop body runs. It may or may not include users
// who are added or removed during the iteration, and users whose credential's
// ExpiresAt has passed. It ends after an error, which is the context's when it
// has ended, or the database's.
func (s *Store) UserIDs(ctx context.Context, realm string) iter.Seq2[string, error] {
	const query = "SELECT user_id FROM {p}oauth_credentials WHERE realm = ? AND user_id > ? ORDER BY user_id LIMIT ?"
	return func(yield func(string, error) bool) {
		after := ""
		for {
			ids, err := s.db.Keys(ctx, query, text(s, realm), text(s, after), batch)
			if err != nil {
				yield("", failed(ctx, "list the users", err))
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
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
	connect.TokenStore
	UserIDs(context.Context, string) iter.Seq2[string, error]
} = (*Store)(nil)
