package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

const credentialColumns = "subject, name, scopes, access_token, refresh_token, token_secret, connected_at, " +
	"expires_at, valid_until, version"

// credentialColumns returns the columns of a credential, for
// credentialRow.scan.
func (s *Store) credentialColumns() string {
	if s.db.Dialect != sqldb.MySQL {
		return credentialColumns
	}
	columns := credentialColumns
	for _, column := range []string{"connected_at", "expires_at", "valid_until"} {
		columns = strings.Replace(columns, column, s.db.Dialect.Select(column), 1)
	}
	return columns
}

// credentialRow is a user's row.
type credentialRow struct {
	credential connect.Credential
	version    int64 // number of saves; 0 if the transaction has just inserted the row
	exists     bool
}

func (r *credentialRow) scan(row *sql.Row, more ...any) error {
	var scopes string
	c := &r.credential
	err := row.Scan(append([]any{
		&c.Subject, &c.Name, &scopes, &c.AccessToken, &c.RefreshToken, &c.TokenSecret,
		(*sqldb.Time)(&c.ConnectedAt), (*sqldb.Time)(&c.TokenExpiry), (*sqldb.Time)(&c.ExpiresAt), &r.version,
	}, more...)...)
	if err != nil {
		return err
	}
	c.Scopes, r.exists = splitScopes(scopes), true
	return nil
}

// current returns the user's credential, or nil if there is none.
func (r *credentialRow) current() *connect.Credential {
	if r.version == 0 {
		return nil
	}
	return &r.credential
}

// Load implements [connect.TokenStore]. The error is ErrNotFound when there is
// no credential, the context's when it has ended, or the database's.
// Credentials whose ExpiresAt has passed stay until [Store.Sweep] removes them.
func (s *Store) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	var row credentialRow
	err := s.db.Read(ctx, func(on sqldb.Querier) error {
		return row.scan(on.QueryRowContext(ctx, s.load, text(s, key.Realm), text(s, key.ID)))
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return connect.Credential{}, failed(ctx, "load a credential", err)
	}
	if current := row.current(); current != nil {
		return *current, nil
	}
	return connect.Credential{}, connect.ErrNotFound
}

// Update implements [connect.TokenStore]. It waits for the lock of the user
// until ctx ends, and holds it while fn runs. The package documentation says
// which lock it is and what else it blocks. The credential that fn returns is
// saved even if ctx has ended since; the save then takes at most three seconds.
//
// If Update fails, the error is fn's; or the loss of the connection, if it was
// lost while fn ran; or the context's when it has ended; or the database's. If
// the commit itself fails, the credential may have been saved. After any other
// error nothing is saved.
func (s *Store) Update(
	ctx context.Context, key connect.Key,
	fn func(ctx context.Context, current *connect.Credential) (*connect.Credential, error),
) error {
	leave, err := s.db.Enter(ctx, "user "+key.Realm+"\x00"+key.ID)
	if err != nil {
		return failed(ctx, "wait for the user", err)
	}
	defer leave()
	var row credentialRow
	h, err := s.db.HoldLocked(ctx, sqldb.ShortLease, func(h *sqldb.Hold) (err error) {
		row, err = s.lockUser(ctx, h, key)
		return err
	})
	if err != nil {
		return failed(ctx, "lock the user", err)
	}
	defer h.End()

	var next *connect.Credential
	var refused error
	lost := h.Watch(ctx, func(ctx context.Context) { next, refused = fn(ctx, row.current()) }, nil)
	if lost := h.LossError(lost, refused); lost != nil {
		return failed(ctx, "the connection that locked the user is lost", lost)
	}
	if refused != nil {
		return refused
	}
	after, cancel := sqldb.WithGrace(ctx)
	defer cancel()
	if err := s.save(after, h, key, row, next); err != nil {
		return failed(ctx, "save a credential", err)
	}
	return failed(ctx, "commit a credential", h.Commit(after))
}

// Delete implements [connect.TokenStore]. It waits for the lock of the user as
// [Store.Update] does, and returns the same errors.
func (s *Store) Delete(ctx context.Context, key connect.Key) error {
	return s.Update(ctx, key, func(context.Context, *connect.Credential) (*connect.Credential, error) { return nil, nil })
}

// lockUser locks the user, even one without a row, and reads the row.
func (s *Store) lockUser(ctx context.Context, h *sqldb.Hold, key connect.Key) (row credentialRow, err error) {
	query, args := s.load, []any{text(s, key.Realm), text(s, key.ID)}
	var more []any
	switch s.db.Dialect {
	case sqldb.Postgres:
		// A missing row is inserted in this transaction, and other transactions
		// that want it wait for the end of this one.
		query = "INSERT INTO {p}oauth_credentials (realm, user_id, " + credentialColumns + ")" +
			" VALUES (?, ?, '', '', '', '', '', '', NULL, NULL, NULL, 0)" +
			" ON CONFLICT (realm, user_id) DO UPDATE SET user_id = excluded.user_id RETURNING " + credentialColumns +
			", " + h.Durable()
		more = append(more, new(any))
	case sqldb.MySQL:
		// In InnoDB, locks on missing rows are shared gap locks, which
		// deadlock. So the name is locked as well.
		if err := h.LockName(ctx, "user "+key.Realm+"\x00"+key.ID); err != nil {
			return row, err
		}
		query += " FOR UPDATE"
	}
	err = h.QueryRow(ctx, func(found *sql.Row) error { return row.scan(found, more...) }, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return row, err
}

// save writes what fn returned to the row.
func (s *Store) save(
	ctx context.Context, h *sqldb.Hold, key connect.Key, row credentialRow, next *connect.Credential,
) error {
	if next == nil && !row.exists {
		return nil
	}
	var query string
	var args []any
	if next != nil {
		args = []any{text(s, next.Subject), text(s, next.Name), text(s, joinScopes(next.Scopes)),
			text(s, next.AccessToken), text(s, next.RefreshToken), text(s, next.TokenSecret),
			s.moment(next.ConnectedAt), s.moment(next.TokenExpiry), s.moment(next.ExpiresAt), row.version + 1}
	}
	switch {
	case next == nil:
		query = "DELETE FROM {p}oauth_credentials WHERE realm = ? AND user_id = ?"
	case row.exists:
		query = "UPDATE {p}oauth_credentials SET subject = ?, name = ?, scopes = ?, access_token = ?, refresh_token = ?," +
			" token_secret = ?, connected_at = ?, expires_at = ?, valid_until = ?, version = ? WHERE realm = ? AND user_id = ?"
	default:
		query = "INSERT INTO {p}oauth_credentials (" + credentialColumns + ", realm, user_id) VALUES (" + sqldb.Marks(12) +
			")"
	}
	changed, err := h.Exec(ctx, query, append(args, text(s, key.Realm), text(s, key.ID))...)
	if err == nil && changed != 1 {
		err = fmt.Errorf("%d rows changed, want 1", changed)
	}
	return err
}
