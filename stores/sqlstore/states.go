package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

const stateColumns = "user_id, verifier, return_to, binding, scopes, required, expires_at"

// Put implements [gloebit.StateStore]. The error is that of the context when it
// has ended, or the database's, also when the key is in use.
func (s *Store) Put(ctx context.Context, key connect.Key, pending gloebit.PendingConnection) error {
	_, err := s.exec(ctx, "put a state",
		"INSERT INTO gloebit_states (realm, state_hash, "+stateColumns+") VALUES ("+sqldb.Marks(9)+")",
		sqldb.Stored(key.Realm), sqldb.Stored(key.ID), sqldb.Stored(pending.UserID), sqldb.Stored(pending.Verifier), sqldb.Stored(pending.ReturnTo), sqldb.Stored(pending.Binding),
		storedScopes(pending.Scopes), storedScopes(pending.Required), pending.ExpiresAt.UnixMicro())
	return err
}

// Take implements [gloebit.StateStore]. The error is ErrNotFound when there is
// no such state, that of the context when it has ended, or the database's. After
// an error of the database the state may be gone. A state that has expired is
// there until [Store.Sweep].
func (s *Store) Take(ctx context.Context, key connect.Key) (gloebit.PendingConnection, error) {
	take := s.takeReturning
	if s.db.Dialect == sqldb.MySQL {
		take = s.takeCounting
	}
	pending, err := take(ctx, key)
	switch {
	case errors.Is(err, gloebit.ErrNotFound):
		return gloebit.PendingConnection{}, gloebit.ErrNotFound
	case err != nil:
		return gloebit.PendingConnection{}, failed(ctx, "take a state", err)
	}
	return pending, nil
}

// takeReturning takes a state in one statement. The rows are read to their end:
// it is there that SQLite commits.
func (s *Store) takeReturning(ctx context.Context, key connect.Key) (pending gloebit.PendingConnection, err error) {
	if s.db.Dialect == sqldb.SQLite {
		release, err := s.db.Turn(ctx, sqldb.Writer)
		if err != nil {
			return pending, err
		}
		defer release()
	}
	query := s.db.Dialect.Rebind("DELETE FROM gloebit_states WHERE realm = ? AND state_hash = ? RETURNING " + stateColumns)
	err = s.db.Patiently(ctx, func() error {
		rows, err := s.db.SQL.QueryContext(ctx, query, sqldb.Stored(key.Realm), sqldb.Stored(key.ID))
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
			return gloebit.ErrNotFound
		}
		return nil
	})
	return pending, err
}

// takeCounting takes a state where DELETE returns no rows: of all who have read
// it, the one whose DELETE removed it has taken it. That is sound because a key
// is never used again.
func (s *Store) takeCounting(ctx context.Context, key connect.Key) (gloebit.PendingConnection, error) {
	query := s.db.Dialect.Rebind("SELECT " + stateColumns + " FROM gloebit_states WHERE realm = ? AND state_hash = ?")
	pending, err := readState(s.db.SQL.QueryRowContext(ctx, query, sqldb.Stored(key.Realm), sqldb.Stored(key.ID)))
	if errors.Is(err, sql.ErrNoRows) {
		return pending, gloebit.ErrNotFound
	}
	if err != nil {
		return pending, err
	}
	removed, err := s.exec(ctx, "remove it", "DELETE FROM gloebit_states WHERE realm = ? AND state_hash = ?", sqldb.Stored(key.Realm), sqldb.Stored(key.ID))
	if err == nil && removed == 0 {
		err = gloebit.ErrNotFound
	}
	return pending, err
}

func readState(row interface{ Scan(...any) error }) (gloebit.PendingConnection, error) {
	var userID, verifier, returnTo, binding, scopes, required []byte
	var expires int64
	if err := row.Scan(&userID, &verifier, &returnTo, &binding, &scopes, &required, &expires); err != nil {
		return gloebit.PendingConnection{}, err
	}
	return gloebit.PendingConnection{
		UserID:    string(userID),
		Verifier:  gloebit.Secret(verifier),
		ReturnTo:  string(returnTo),
		Binding:   string(binding),
		Scopes:    readScopes(scopes),
		Required:  readScopes(required),
		ExpiresAt: time.UnixMicro(expires).UTC(),
	}, nil
}
