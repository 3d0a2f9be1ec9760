package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// everyCall calls each method of a store that uses the database, after prepare
// has written its rows.
var everyCall = []struct {
	name    string
	writes  bool // in one statement: when the connection is lost, whether it did is not known
	prepare func(ctx context.Context, s *shopStore) error
	call    func(ctx context.Context, s *shopStore) error
}{
	{"Put", true, unprepared, func(ctx context.Context, s *shopStore) error {
		return s.Put(ctx, at("put"), connect.PendingConnection{ExpiresAt: ordered})
	}},
	{"Take", true, func(ctx context.Context, s *shopStore) error {
		return s.Put(ctx, at("taken"), connect.PendingConnection{ExpiresAt: ordered})
	}, func(ctx context.Context, s *shopStore) error {
		_, err := s.Take(ctx, at("taken"))
		return err
	}},
	{"Update", false, unprepared, func(ctx context.Context, s *shopStore) error {
		return s.Update(ctx, at("new"), saving("x"))
	}},
	{"Update again", false, unprepared, func(ctx context.Context, s *shopStore) error {
		return s.Update(ctx, at("new"), saving("y"))
	}},
	{"Load", false, unprepared, func(ctx context.Context, s *shopStore) error {
		_, err := s.Load(ctx, at("new"))
		return err
	}},
	{"UserIDs", false, unprepared, func(ctx context.Context, s *shopStore) error {
		for _, err := range s.UserIDs(ctx, realm) {
			return err
		}
		return nil
	}},
	{"Delete", false, unprepared, func(ctx context.Context, s *shopStore) error { return s.Store.Delete(ctx, at("new")) }},
	{"Sweep", true, func(ctx context.Context, s *shopStore) error {
		return s.Put(ctx, at("expired"), connect.PendingConnection{ExpiresAt: ordered})
	}, func(ctx context.Context, s *shopStore) error {
		_, err := s.Sweep(ctx)
		return err
	}},
	{"Create", true, unprepared, func(ctx context.Context, s *shopStore) error {
		_, _, err := s.Create(ctx, purchase(1, ledger.Created))
		return err
	}},
	{"Claim", true, unprepared, func(ctx context.Context, s *shopStore) error {
		_, err := s.Claim(ctx, realm, ledger.Created, ordered.AddDate(9, 0, 0), ordered.AddDate(9, 0, 1))
		return err
	}},
	{"Change", false, unprepared, func(ctx context.Context, s *shopStore) error {
		_, err := s.Change(ctx, purchase(1, "").StoreKey(), moving)
		return err
	}},
	{"CompareAndSwap", true, unprepared, func(ctx context.Context, s *shopStore) error {
		swapped, err := swapped(ctx, s, s, purchase(1, "").StoreKey())
		if err == nil && !swapped {
			err = errors.New("the purchase was not swapped")
		}
		return err
	}},
	{"Get", false, unprepared, func(ctx context.Context, s *shopStore) error {
		_, err := s.Get(ctx, purchase(1, "").StoreKey())
		return err
	}},
	{"List", false, unprepared, func(ctx context.Context, s *shopStore) error {
		_, err := s.List(ctx, ledger.Query{Realm: realm})
		return err
	}},
	{"Counts", false, unprepared, func(ctx context.Context, s *shopStore) error {
		_, err := s.Counts(ctx, ordered)
		return err
	}},
	{"Migrate", false, unprepared, func(ctx context.Context, s *shopStore) error { return s.Migrate(ctx) }},
}

func unprepared(context.Context, *shopStore) error { return nil }

// fill fills a pool with connections and returns their IDs at the server.
func fill(t *testing.T, db *sql.DB, d database) (numbers []string) {
	t.Helper()
	query := map[sqlstore.Dialect]string{
		sqlstore.Postgres: "SELECT pg_backend_pid()", sqlstore.MySQL: "SELECT CONNECTION_ID()",
	}[d.dialect]
	for range poolSize {
		conn, err := db.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		var number string
		require.NoError(t, conn.QueryRowContext(t.Context(), query).Scan(&number))
		numbers = append(numbers, number)
	}
	return numbers
}

// demotable makes the tables reject writes of the connections listed in the
// table demoted, like a server that has become a standby, or a node of Galera
// that has lost the others.
func demotable(t *testing.T, admin *sql.DB, d database) {
	t.Helper()
	statements := []string{"CREATE TABLE demoted (number BIGINT)"}
	if d.dialect == sqlstore.Postgres {
		statements = append(statements, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF EXISTS (SELECT 1 FROM demoted WHERE number = pg_backend_pid()) THEN
				RAISE EXCEPTION 'cannot execute in a read-only transaction' USING ERRCODE = '25006';
			END IF; RETURN NULL; END $$`)
	}
	for _, table := range []string{"oauth_states", "oauth_credentials", "gloebit_purchases"} {
		if d.dialect == sqlstore.Postgres {
			statements = append(
				statements,
				fmt.Sprintf("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON %s EXECUTE FUNCTION refuse()", table),
			)
			continue
		}
		for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
			statements = append(statements, fmt.Sprintf(`CREATE TRIGGER refuse_%s_%s BEFORE %[2]s ON %[1]s FOR EACH ROW BEGIN
				IF EXISTS (SELECT 1 FROM demoted WHERE number = CONNECTION_ID() AND number %% 2 = 0) THEN
					SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'The server is running with the --read-only option';
				ELSEIF EXISTS (SELECT 1 FROM demoted WHERE number = CONNECTION_ID()) THEN
					SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047, MESSAGE_TEXT = 'WSREP has not yet prepared node';
				END IF; END`, table, event))
		}
	}
	for _, statement := range statements {
		_, err := admin.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

func TestReadOnlyConnectionsLeaveThePool(t *testing.T) {
	eachNew(t, servers, func(t *testing.T, d database) {
		direct, admin := d.store(t), d.connect(t)
		demotable(t, admin, d)
		db := d.connect(t)
		store := newStore(db, d.dialect)
		for _, c := range everyCall {
			require.NoError(t, c.prepare(t.Context(), direct), c.name)
			for _, number := range fill(t, db, d) {
				_, err := admin.ExecContext(t.Context(), "INSERT INTO demoted VALUES ("+number+")")
				require.NoError(t, err)
			}
			err := c.call(within(t, 20*time.Second), store)
			// A real standby refuses to begin. This one refuses what is saved once
			// fn has run, which can't be run again; but the connection goes.
			for range poolSize {
				if err != nil && strings.Contains(err.Error(), ": save a ") {
					err = c.call(within(t, 20*time.Second), store)
				}
			}
			require.NoError(t, err, c.name)
		}
	})
}

func TestDeadConnectionsAreReplaced(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		direct, admin := d.store(t), d.connect(t)
		db := d.connect(t)
		store := newStore(db, d.dialect)
		for _, c := range everyCall {
			if c.writes {
				require.NoError(t, c.prepare(t.Context(), direct), c.name)
				require.NoError(t, c.call(t.Context(), direct), c.name)
				continue
			}
			for _, number := range fill(t, db, d) {
				kill := "KILL " + number
				if d.dialect == sqlstore.Postgres {
					kill = "SELECT pg_terminate_backend(" + number + ", 5000)"
				}
				_, err := admin.ExecContext(t.Context(), kill)
				require.NoError(t, err)
			}
			require.NoError(t, c.call(within(t, 20*time.Second), store), c.name)
		}
	})
}

// limited opens the database with settings of the session.
func limited(t *testing.T, d database, postgres, mysql map[string]string) *sql.DB {
	t.Helper()
	var db *sql.DB
	if d.dialect == sqlstore.Postgres {
		config := postgresConfig()
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
		config.RuntimeParams["search_path"] = d.name
		for name, value := range postgres {
			config.RuntimeParams[name] = value
		}
		db = stdlib.OpenDB(*config)
	} else {
		config := mysqlConfig()
		config.DBName, config.Params = d.name, mysql
		db = openMySQL(config)
	}
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestLockWaitIgnoresRoleTimeouts checks that the timeouts of a role apply to
// its queries, but not to the wait for another replica's refresh.
func TestLockWaitIgnoresRoleTimeouts(t *testing.T) {
	for name, limits := range map[string][2]map[string]string{
		"statements": {{"statement_timeout": "200"}, {"max_statement_time": "0.2"}},
		"locks":      {{"lock_timeout": "200"}, {"innodb_lock_wait_timeout": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, servers, func(t *testing.T, d database) {
				direct, store := d.store(t), newStore(limited(t, d, limits[0], limits[1]), d.dialect)
				created(t, direct, purchase(1, ledger.Settled), purchase(2, ledger.Settled))
				held, ctx := make(chan struct{}, 3), within(t, 20*time.Second)
				var group sync.WaitGroup
				hold := func() {
					held <- struct{}{}
					<-time.After(700 * time.Millisecond) // more than three limits
				}
				group.Go(func() {
					if err := direct.Update(ctx, at("user"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
						hold()
						return &connect.Credential{AccessToken: "first"}, nil
					}); err != nil {
						t.Error(err)
					}
				})
				for i := range 2 {
					group.Go(func() {
						if _, err := direct.Change(ctx, purchase(i+1, "").StoreKey(), func(
							_ context.Context, p ledger.Purchase,
						) (ledger.Purchase, error) {
							hold()
							return p, nil
						}); err != nil {
							t.Error(err)
						}
					})
				}
				<-held
				<-held
				<-held
				group.Go(func() {
					if swapped, err := swapped(ctx, store, direct, purchase(2, "").StoreKey()); err != nil || !swapped {
						t.Errorf("CompareAndSwap returned %v, %v", swapped, err)
					}
				})
				group.Go(func() {
					if err := store.Update(ctx, at("user"), saving("second")); err != nil {
						t.Error(err)
					}
				})
				_, err := store.Change(ctx, purchase(1, "").StoreKey(), moving)
				require.NoError(t, err)
				group.Wait()
				got, err := direct.Load(ctx, at("user"))
				require.NoError(t, err)
				require.Equal(t, "second", got.AccessToken.Reveal())
			})
		})
	}
}

// TestSerializationConflictsAreRetried checks isolation levels at which
// concurrent statements fail.
func TestSerializationConflictsAreRetried(t *testing.T) {
	eachNew(t, servers, func(t *testing.T, d database) {
		store := newStore(limited(t, d, map[string]string{"default_transaction_isolation": "repeatable read"},
			map[string]string{"tx_isolation": "'SERIALIZABLE'"}), d.dialect)
		require.NoError(t, store.Migrate(t.Context()))
		for round := range 10 {
			state := at(fmt.Sprint("state ", round))
			require.NoError(t, store.Put(t.Context(), state, connect.PendingConnection{ExpiresAt: ordered}))
			var group sync.WaitGroup
			var took, claimed, made, won counter
			for range poolSize {
				group.Go(func() {
					_, err := store.Take(t.Context(), state)
					took.count(t, err)
				})
				group.Go(func() {
					_, created, err := store.Create(t.Context(), purchase(round, ledger.Created))
					if err != nil {
						t.Error(err)
					}
					if created {
						made.count(t, nil)
					}
				})
			}
			group.Wait()
			old, err := store.Get(t.Context(), purchase(round, "").StoreKey())
			require.NoError(t, err)
			for range poolSize {
				group.Go(func() {
					next, _ := moving(t.Context(), old.Clone())
					_, swapped, err := store.CompareAndSwap(t.Context(), old, next)
					if err != nil {
						t.Error(err)
					}
					if swapped {
						won.count(t, nil)
					}
				})
			}
			group.Wait()
			for range poolSize {
				group.Go(func() {
					_, err := store.Claim(t.Context(), realm, ledger.Created, ordered.AddDate(9, 0, 0), ordered.AddDate(9, 0, 1))
					claimed.count(t, err)
				})
			}
			group.Wait()
			require.Equal(t, []int{1, 1, 1, 1}, []int{took.n, made.n, won.n, claimed.n}, round)
		}
	})
}

// counter counts successful calls, and those that found nothing.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) count(t *testing.T, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.n++
	case !strings.HasSuffix(err.Error(), "not found"):
		t.Error(err)
	}
}

func TestTheSessionKeepsItsOwnTimeout(t *testing.T) {
	eachNew(t, servers[1:], func(t *testing.T, d database) {
		db := limited(t, d, nil, map[string]string{"wait_timeout": "60"})
		db.SetMaxOpenConns(1)
		store := newStore(db, d.dialect)
		require.NoError(t, store.Migrate(t.Context()))
		created(t, store, purchase(1, ledger.Settled))
		require.NoError(t, store.Update(t.Context(), at("user"), saving("x")))
		_, err := store.Change(t.Context(), purchase(1, "").StoreKey(), moving)
		require.NoError(t, err)
		var now int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT @@SESSION.wait_timeout").Scan(&now))
		require.Equal(t, 60, now)
	})
}
