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

// TestDeadlockInReserveCancelsNothing checks that a transient error, such as a
// deadlock or a full disk, does not cancel a sale, whether the Fulfiller returns
// the error or one of its own.
func TestDeadlockInReserveCancelsNothing(t *testing.T) {
	fail := map[sqlstore.Dialect]map[string]string{
		sqlstore.Postgres: {
			"a deadlock":             `DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$`,
			"a serialization":        `DO $$ BEGIN RAISE EXCEPTION 'concurrent update' USING ERRCODE = '40001'; END $$`,
			"a lock that is waited":  `DO $$ BEGIN RAISE EXCEPTION 'lock not available' USING ERRCODE = '55P03'; END $$`,
			"an administrator":       `DO $$ BEGIN RAISE EXCEPTION 'shutdown' USING ERRCODE = '57P01'; END $$`,
			"no memory":              `DO $$ BEGIN RAISE EXCEPTION 'no memory' USING ERRCODE = '53200'; END $$`,
			"a server that is read":  `DO $$ BEGIN RAISE EXCEPTION 'read-only' USING ERRCODE = '25006'; END $$`,
			"no disk":                `DO $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$`,
			"a broken disk":          `DO $$ BEGIN RAISE EXCEPTION 'could not write' USING ERRCODE = '58030'; END $$`,
			"a statement's time out": `DO $$ BEGIN RAISE EXCEPTION 'timeout' USING ERRCODE = '57014'; END $$`,
		},
		sqlstore.MySQL: {
			"a deadlock":            `SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'deadlock'`,
			"a lock that is waited": `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205, MESSAGE_TEXT = 'lock wait timeout'`,
			"a server that is read": `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'read-only'`,
			"a node that is alone":  `SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047, MESSAGE_TEXT = 'WSREP not prepared'`,
			"no disk":               `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, MESSAGE_TEXT = 'disk full'`,
			"no disk for the table": `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'the table is full'`,
			"no disk for the log":   `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1026, MESSAGE_TEXT = 'error writing file'`,
			"no disk for a file":    `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 3, MESSAGE_TEXT = 'error writing file'`,
			"no disk for the engine": `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1030,
				MESSAGE_TEXT = 'Got error 28 from storage engine'`,
			"no memory":   `SIGNAL SQLSTATE 'HY001' SET MYSQL_ERRNO = 1037, MESSAGE_TEXT = 'out of memory'`,
			"no resource": `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1041, MESSAGE_TEXT = 'out of resources'`,
			"no locks":    `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1206, MESSAGE_TEXT = 'too many locks'`,
		},
		sqlstore.SQLite: {
			"no disk": `PRAGMA max_page_count = 1;
				INSERT INTO goods (purchase, what) VALUES (HEX(ZEROBLOB(10000000)), 'big')`,
			"a file that is read": `PRAGMA query_only = 1; INSERT INTO goods (purchase, what) VALUES ('p', 'small')`,
		},
	}
	const undo = `PRAGMA max_page_count = 1073741823; PRAGMA query_only = 0` // of SQLite's
	each(t, withWAL, func(t *testing.T, d database) {
		db := d.connectTo(t, d.addr)
		db.SetMaxOpenConns(1) // so that undo reaches the connection
		store := newStore(db, d.dialect)
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
				if d.dialect == sqlstore.SQLite {
					_, err := db.ExecContext(t.Context(), undo)
					require.NoError(t, err)
				}
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
