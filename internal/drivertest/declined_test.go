package drivertest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/stretchr/testify/require"
)

// reserving is a Fulfiller whose Reserve is a function.
type reserving struct {
	warehouse
	reserve func(ctx context.Context, p ledger.Purchase) error
}

func (r *reserving) Reserve(ctx context.Context, p ledger.Purchase) error { return r.reserve(ctx, p) }

// TestLostConnectionDoesNotCancelSale checks a Fulfiller that returns the error
// of a statement on a lost connection. The database was unavailable, but the
// Fulfiller did not decline.
func TestLostConnectionDoesNotCancelSale(t *testing.T) {
	one := purchase(1, ledger.Accepted)
	each(t, servers, func(t *testing.T, d database) {
		for name, reserve := range map[string]func(ctx context.Context, tx sqlledger.Querier) error{
			"by a statement": func(ctx context.Context, _ sqlledger.Querier) error { return note(ctx, one.ID, "reserved") },
			"by a query": func(ctx context.Context, tx sqlledger.Querier) error {
				return tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM goods").Scan(new(int))
			},
			"and called sold out": func(ctx context.Context, _ sqlledger.Querier) error {
				if err := note(ctx, one.ID, "reserved"); err != nil {
					return errors.New("sold out")
				}
				return nil
			},
			"without being used": func(context.Context, sqlledger.Querier) error { return errors.New("sold out") },
		} {
			t.Run(name, func(t *testing.T) {
				p, db, store, direct := throughProxy(t, d)
				warm(t, db)
				created(t, direct, one)
				cut := true
				purchases := newLedger(store, &reserving{reserve: func(ctx context.Context, _ ledger.Purchase) error {
					tx, _ := sqlledger.Tx(ctx)
					if cut {
						p.cut()
						p.restore()
						return reserve(ctx, tx)
					}
					return note(ctx, one.ID, "reserved")
				}}, time.Time{})
				enact := func() *httptest.ResponseRecorder {
					answer := httptest.NewRecorder()
					purchases.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, callback(one.ID, "enact"), nil))
					return answer
				}
				answer := enact()
				require.NotEqual(t, http.StatusOK, answer.Code)
				require.NotContains(t, answer.Body.String(), "cancel")
				got, err := direct.Get(t.Context(), one.StoreKey())
				require.NoError(t, err)
				require.Equal(t, ledger.Accepted, got.State, got.Cause)

				cut = false
				require.Equal(t, "[true]", enact().Body.String(), "Gloebit asks again")
				wantEachOnce(t, d, "reserved", 1)
				require.NoError(t, clearTables(t.Context(), d.look(t), "goods", "gloebit_purchases"))
			})
		}
	})
}

func TestDecliningReserveKeepsNoWrites(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store := d.store(t)
		for i, c := range []struct {
			answers error
			want    ledger.State
		}{{errors.New("sold out"), ledger.Released}, {ledger.ErrTryAgain, ledger.Accepted}} {
			p := purchase(i, ledger.Accepted)
			created(t, store, p)
			purchases := newLedger(store, &reserving{reserve: func(ctx context.Context, _ ledger.Purchase) error {
				require.NoError(t, note(ctx, p.ID, "reserved"))
				return c.answers
			}}, time.Time{})
			purchases.Handler().ServeHTTP(
				httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, callback(p.ID, "enact"), nil),
			)
			got, err := store.Get(t.Context(), p.StoreKey())
			require.NoError(t, err)
			require.Equal(t, c.want, got.State)
			require.Empty(t, noted(t, d, "reserved"))
		}
	})
}

// TestImmediateErrorAfterLostConnectionIsDiscarded checks an fn that fails
// right after its lock is lost. The provider may have refused because another
// process has refreshed meanwhile.
func TestImmediateErrorAfterLostConnectionIsDiscarded(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		refused := errors.New("the refresh token is refused")
		p, _, store, _ := throughProxy(t, d)
		err := store.Update(t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
			p.cut()
			return nil, refused
		})
		require.ErrorContains(t, err, "the connection that locked the user is lost")
		require.ErrorContains(t, err, refused.Error(), "its text is included")
		require.NotErrorIs(t, err, refused)
	})
}

// TestDeclineOnLiveConnectionIsReturned checks that fn's own error is returned,
// even if one of its statements failed.
func TestDeclineOnLiveConnectionIsReturned(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p, soldOut := d.store(t), purchase(1, ledger.Settled), errors.New("sold out")
		created(t, store, p)
		// the last as some errors do
		for _, last := range []string{"INSERT INTO nowhere VALUES (1)", "DELETE FROM goods", "ROLLBACK"} {
			_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(ctx context.Context, tx sqlledger.Querier) error {
				_, _ = tx.ExecContext(ctx, last)
				return soldOut
			}))
			require.Same(t, soldOut, err, "as it is")
			wantNothingKept(t, d, store, p)
		}
	})
}
