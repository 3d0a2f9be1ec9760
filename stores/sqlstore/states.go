package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

const stateColumns = "user_id, verifier, return_to, binding, scopes, required, "

// selectStates returns the columns of a state, for readState.
func (s *Store) selectStates() string { return stateColumns + s.db.Dialect.Select("expires_at") }

// Put implements [connect.StateStore]. The error is the context's when it has
// ended, or the database's. If the key is in use, the error is the database's.
func (s *Store) Put(ctx context.Context, key connect.Key, pending connect.PendingConnection) error {
	_, err := s.exec(ctx, "put a state",
		"INSERT INTO {p}oauth_states ("+stateColumns+"expires_at, realm, state_hash) VALUES ("+sqldb.Marks(9)+")",
		text(s, pending.UserID), text(s, pending.Secret), text(s, pending.ReturnTo), text(s, pending.BrowserHash),
		text(s, joinScopes(pending.Scopes)), text(s, joinScopes(pending.RequiredScopes)), s.moment(pending.ExpiresAt),
		text(s, key.Realm), text(s, key.ID))
	return err
}

// Take implements [connect.StateStore]. The error is ErrNotFound when there is
// no such state, the context's when it has ended, or the database's. After an
// error of the database the state may be gone. Expired states stay until
// [Store.Sweep] removes them.
func (s *Store) Take(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	take := s.takeReturning
	if s.db.Dialect == sqldb.MySQL {
		take = s.takeCounting
	}
	pending, err := take(ctx, key)
	switch {
	case errors.Is(err, connect.ErrNotFound):
		return connect.PendingConnection{}, connect.ErrNotFound
	case err != nil:
		return connect.PendingConnection{}, failed(ctx, "take a state", err)
	}
	return pending, nil
}

// takeReturning takes a state in one statement. It reads all rows, because
// SQLite commits at the last one.
func (s *Store) takeReturning(ctx context.Context, key connect.Key) (pending connect.PendingConnection, err error) {
	if s.db.Dialect == sqldb.SQLite {
		release, err := s.db.LockLocal(ctx, sqldb.Writer)
		if err != nil {
			return pending, err
		}
		defer release()
	}
	query := s.db.Query("DELETE FROM {p}oauth_states WHERE realm = ? AND state_hash = ? RETURNING " + s.selectStates())
	err = s.db.Write(ctx, func(on sqldb.Querier) error {
		rows, err := on.QueryContext(ctx, query, text(s, key.Realm), text(s, key.ID))
		if err != nil {
			return err
		}
		found, err := false, error(nil)
		for rows.Next() && err == nil {
			found = true
			pending, err = readState(rows)
		}
		switch err := errors.Join(err, rows.Err(), rows.Close()); {
		case err != nil:
			return err
		case !found:
			return connect.ErrNotFound
		}
		return nil
	})
	return pending, err
}

// takeCounting takes a state in a database whose DELETE returns no rows. Of
// concurrent callers that have read the state, only the one whose DELETE
// removed the row has taken it. This is safe because a key is never used again.
func (s *Store) takeCounting(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	query := s.db.Query("SELECT " + s.selectStates() + " FROM {p}oauth_states WHERE realm = ? AND state_hash = ?")
	var pending connect.PendingConnection
	err := s.db.Read(ctx, func(on sqldb.Querier) (err error) {
		pending, err = readState(on.QueryRowContext(ctx, query, text(s, key.Realm), text(s, key.ID)))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return pending, connect.ErrNotFound
	}
	if err != nil {
		return pending, err
	}
	removed, err := s.exec(
		ctx, "remove it", "DELETE FROM {p}oauth_states WHERE realm = ? AND state_hash = ?", text(s, key.Realm),
		text(s, key.ID),
	)
	if err == nil && removed == 0 {
		err = connect.ErrNotFound
	}
	return pending, err
}

func readState(row interface{ Scan(...any) error }) (pending connect.PendingConnection, err error) {
	var scopes, required string
	err = row.Scan(&pending.UserID, &pending.Secret, &pending.ReturnTo, &pending.BrowserHash, &scopes, &required,
		(*sqldb.Time)(&pending.ExpiresAt))
	if err != nil {
		return connect.PendingConnection{}, err
	}
	pending.Scopes, pending.RequiredScopes = splitScopes(scopes), splitScopes(required)
	return pending, nil
}
