package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

const credentialColumns = "access_token, refresh_token, token_secret, scopes, gloebit_id, name, expiry, connected_at, valid_until, version"

// credentialRow is a user's row, as it is in the table.
type credentialRow struct {
	credential gloebit.Credential
	version    int64 // how often it was saved; 0 is a row that its transaction has just made
	exists     bool
}

func (r *credentialRow) scan(row *sql.Row) error {
	var access, refresh, secret, scopes, id, name []byte
	var expiry, connected, until sql.NullInt64
	if err := row.Scan(&access, &refresh, &secret, &scopes, &id, &name, &expiry, &connected, &until, &r.version); err != nil {
		return err
	}
	r.exists = true
	r.credential = gloebit.Credential{
		AccessToken:  gloebit.Secret(access),
		RefreshToken: gloebit.Secret(refresh),
		TokenSecret:  gloebit.Secret(secret),
		Scopes:       readScopes(scopes),
		Subject:      string(id),
		Name:         string(name),
		Expiry:       sqldb.ReadTime(expiry),
		ConnectedAt:  sqldb.ReadTime(connected),
		Until:        sqldb.ReadTime(until),
	}
	return nil
}

// current is the user's credential, or nil when there is none.
func (r *credentialRow) current() *gloebit.Credential {
	if r.version == 0 {
		return nil
	}
	return &r.credential
}

// Load implements [gloebit.TokenStore]. The error is ErrNotFound when there is
// no credential, that of the context when it has ended, or the database's. A
// credential that has lapsed is there until [Store.Sweep].
func (s *Store) Load(ctx context.Context, key connect.Key) (gloebit.Credential, error) {
	var row credentialRow
	query := s.db.Dialect.Rebind("SELECT " + credentialColumns + " FROM gloebit_credentials WHERE realm = ? AND user_id = ?")
	err := s.db.Patiently(ctx, func() error {
		return row.scan(s.db.SQL.QueryRowContext(ctx, query, sqldb.Stored(key.Realm), sqldb.Stored(key.ID)))
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return gloebit.Credential{}, failed(ctx, "load a credential", err)
	}
	if current := row.current(); current != nil {
		return *current, nil
	}
	return gloebit.Credential{}, gloebit.ErrNotFound
}

// Update implements [gloebit.TokenStore]. It waits for the user until ctx ends,
// and holds a lock of the database's while fn runs: see the package's
// documentation for which, and for what else waits meanwhile. What fn returns is
// saved also when ctx has ended since, within three seconds.
//
// The error is that of fn, unless the connection was lost meanwhile, which is
// then the error; that of the context when it has ended; or the database's.
// After an error nothing is saved, but after one of the commit itself, which
// can't tell.
func (s *Store) Update(ctx context.Context, key connect.Key, fn func(ctx context.Context, current *gloebit.Credential) (*gloebit.Credential, error)) error {
	leave, err := s.db.Enter(ctx, "user "+key.Realm+"\x00"+key.ID)
	if err != nil {
		return failed(ctx, "wait for the user", err)
	}
	defer leave()
	h, err := s.db.Hold(ctx, sqldb.ShortLease)
	if err != nil {
		return failed(ctx, "begin", err)
	}
	defer h.End()
	row, err := s.lockUser(ctx, h, key)
	if err != nil {
		return failed(ctx, "lock the user", err)
	}

	var next *gloebit.Credential
	var refused error
	lost := h.Watch(ctx, func(ctx context.Context) { next, refused = fn(ctx, row.current()) }, nil)
	if lost := h.Verdict(lost, refused); lost != nil {
		return failed(ctx, "the connection that locked the user is lost", lost)
	}
	if refused != nil {
		return refused
	}
	after, cancel := sqldb.Lasting(ctx)
	defer cancel()
	if err := save(after, h, key, row, next); err != nil {
		return failed(ctx, "save a credential", err)
	}
	return failed(ctx, "commit a credential", h.Commit(after))
}

// Delete implements [gloebit.TokenStore]. It waits for the user as
// [Store.Update] does, with the same errors.
func (s *Store) Delete(ctx context.Context, key connect.Key) error {
	return s.Update(ctx, key, func(context.Context, *gloebit.Credential) (*gloebit.Credential, error) { return nil, nil })
}

// lockUser locks the user, also one without a row, and reads the row.
func (s *Store) lockUser(ctx context.Context, h *sqldb.Hold, key connect.Key) (row credentialRow, err error) {
	query := "SELECT " + credentialColumns + " FROM gloebit_credentials WHERE realm = ? AND user_id = ?"
	args := []any{sqldb.Stored(key.Realm), sqldb.Stored(key.ID)}
	switch s.db.Dialect {
	case sqldb.Postgres:
		// A row that is not there is made, for this transaction alone, and
		// whoever wants it too waits for its end.
		query = "INSERT INTO gloebit_credentials (realm, user_id, " + credentialColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, 0)" +
			" ON CONFLICT (realm, user_id) DO UPDATE SET user_id = excluded.user_id RETURNING " + credentialColumns
		none := sqldb.Stored("")
		args = append(args, none, none, none, none, none, none)
	case sqldb.MySQL:
		// Locks on rows that are not there are shared locks of gaps in
		// InnoDB, and deadlock: so the name is locked as well.
		if err := h.LockName(ctx, "user "+key.Realm+"\x00"+key.ID); err != nil {
			return row, err
		}
		query += " FOR UPDATE"
	}
	err = s.db.Patiently(ctx, func() error {
		return row.scan(h.Conn.QueryRowContext(ctx, s.db.Dialect.Rebind(query), args...))
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return row, err
}

// save makes the row what fn returned.
func save(ctx context.Context, h *sqldb.Hold, key connect.Key, row credentialRow, next *gloebit.Credential) error {
	if next == nil && !row.exists {
		return nil
	}
	var query string
	var args []any
	if next != nil {
		args = []any{sqldb.Stored(next.AccessToken), sqldb.Stored(next.RefreshToken), sqldb.Stored(next.TokenSecret), storedScopes(next.Scopes),
			sqldb.Stored(next.Subject), sqldb.Stored(next.Name), sqldb.StoredTime(next.Expiry), sqldb.StoredTime(next.ConnectedAt), sqldb.StoredTime(next.Until), row.version + 1}
	}
	switch {
	case next == nil:
		query = "DELETE FROM gloebit_credentials WHERE realm = ? AND user_id = ?"
	case row.exists:
		query = "UPDATE gloebit_credentials SET access_token = ?, refresh_token = ?, token_secret = ?, scopes = ?," +
			" gloebit_id = ?, name = ?, expiry = ?, connected_at = ?, valid_until = ?, version = ? WHERE realm = ? AND user_id = ?"
	default:
		query = "INSERT INTO gloebit_credentials (" + credentialColumns + ", realm, user_id) VALUES (" + sqldb.Marks(12) + ")"
	}
	changed, err := h.Exec(ctx, query, append(args, sqldb.Stored(key.Realm), sqldb.Stored(key.ID))...)
	if err == nil && changed != 1 {
		err = fmt.Errorf("%d rows changed, want 1", changed)
	}
	return err
}
