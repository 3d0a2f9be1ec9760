package drivertest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// TestDeadlockInReserveCancelsNothing checks that a deadlock does not cancel a
// sale, whether the Fulfiller returns the error or one of its own.
func TestDeadlockInReserveCancelsNothing(t *testing.T) {
	fail := map[sqlstore.Dialect]map[string]string{
		sqlstore.Postgres: {
			"a deadlock":             `DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$`,
			"a serialization":        `DO $$ BEGIN RAISE EXCEPTION 'concurrent update' USING ERRCODE = '40001'; END $$`,
			"a lock that is waited":  `DO $$ BEGIN RAISE EXCEPTION 'lock not available' USING ERRCODE = '55P03'; END $$`,
			"an administrator":       `DO $$ BEGIN RAISE EXCEPTION 'shutdown' USING ERRCODE = '57P01'; END $$`,
			"no memory":              `DO $$ BEGIN RAISE EXCEPTION 'no memory' USING ERRCODE = '53200'; END $$`,
			"a server that is read":  `DO $$ BEGIN RAISE EXCEPTION 'read-only' USING ERRCODE = '25006'; END $$`,
			"a statement's time out": `DO $$ BEGIN RAISE EXCEPTION 'timeout' USING ERRCODE = '57014'; END $$`,
		},
		sqlstore.MySQL: {
			"a deadlock":            `SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'deadlock'`,
			"a lock that is waited": `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205, MESSAGE_TEXT = 'lock wait timeout'`,
			"a server that is read": `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'read-only'`,
		},
	}
	each(t, servers, func(t *testing.T, d database) {
		store := d.store(t)
		for name, statement := range fail[d.dialect] {
			for _, words := range []string{"", "sold out"} {
				p := purchase(1, ledger.Accepted)
				created(t, store, p)
				failing := true
				purchases := newLedger(store, &reserving{reserve: func(ctx context.Context, _ ledger.Purchase) error {
					if !failing {
						return note(ctx, p.ID, "reserved")
					}
					tx, _ := sqlledger.Tx(ctx)
					_, err := tx.ExecContext(ctx, statement)
					if err != nil && words != "" {
						return errors.New(words)
					}
					return err
				}}, time.Time{})
				enact := func() *httptest.ResponseRecorder {
					answer := httptest.NewRecorder()
					purchases.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, callback(p.ID, "enact"), nil))
					return answer
				}
				require.Equal(t, `[false,"pending"]`, enact().Body.String(), name)
				got, err := store.Get(t.Context(), p.StoreKey())
				require.NoError(t, err)
				require.Equal(t, ledger.Accepted, got.State, name)
				failing = false
				require.Equal(t, "[true]", enact().Body.String(), name)
				require.NoError(t, clearTables(t.Context(), d.look(t), "goods", "gloebit_purchases"))
			}
		}
	})
}

// TestViolatedConstraintInReserveCancels checks that a violated constraint
// counts as the application's decision.
func TestViolatedConstraintInReserveCancels(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Accepted)
		created(t, store, p)
		purchases := newLedger(store, &reserving{reserve: func(ctx context.Context, _ ledger.Purchase) error {
			tx, _ := sqlledger.Tx(ctx)
			_, err := tx.ExecContext(ctx, "INSERT INTO nowhere VALUES (1)")
			return err
		}}, time.Time{})
		answer := httptest.NewRecorder()
		purchases.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, callback(p.ID, "enact"), nil))
		require.Equal(t, `[false,"canceled"]`, answer.Body.String())
	})
}
