package bench

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

// tokenPair loads a user's credential from PostgreSQL. The peer runs the
// store's statement and scans its columns.
func tokenPair(ctx context.Context) (*Pair, error) {
	d, err := openPostgres(ctx)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.New(sqlstore.Config{DB: d.DB, Dialect: d.dialect})
	if err != nil {
		_ = d.close()
		return nil, err
	}
	user := userName(500)
	var load recording
	if err = connectUsers(store, 0, 1000); err == nil {
		load, err = d.record(func(db *sql.DB) error {
			recorded, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: d.dialect})
			if err == nil {
				_, err = recorded.Load(ctx, keyOf(user))
			}
			return err
		})
	}
	if err == nil && len(load) != 1 {
		err = fmt.Errorf("a load runs %d statements: measure them all", len(load))
	}
	if err != nil {
		_ = d.close()
		return nil, err
	}
	return &Pair{Ours: ourLoad(ctx, store, user), Peer: bareSelect(ctx, d.DB, load[0]), Close: d.close}, nil
}

func ourLoad(ctx context.Context, store *sqlstore.Store, user string) Side {
	var credential connect.Credential
	return Side{
		Do: func() (err error) {
			credential, err = store.Load(ctx, keyOf(user))
			return err
		},
		Answer: func() string {
			return fmt.Sprint(
				credential.AccessToken.Reveal(), credential.RefreshToken.Reveal(), credential.Scopes, credential.Subject,
				credential.ConnectedAt.UnixMicro(),
			)
		},
	}
}

func bareSelect(ctx context.Context, db *sql.DB, load statement) Side {
	var access, refresh, secret, scopes, id, name string
	var expiry, connected, until sql.NullTime
	var version int64
	return Side{
		Do: func() error {
			return db.QueryRowContext(ctx, load.query, load.args...).Scan(
				&id, &name, &scopes, &access, &refresh, &secret, &connected, &expiry, &until, &version,
			)
		},
		Answer: func() string {
			return fmt.Sprint(access, refresh, "["+scopes+"]", id, connected.Time.UnixMicro())
		},
	}
}
