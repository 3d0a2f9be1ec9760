package books_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/books"
)

func open(t *testing.T, file string) *books.Books {
	t.Helper()
	b, err := books.Open(t.Context(), file, "the shop")
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// job stores a purchase and returns a function that calls the bench in the
// transaction of that purchase.
func job(
	t *testing.T, b *books.Books, id string, order ledger.Order,
) func(step func(context.Context, ledger.Purchase) error) error {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	_, _, err := b.Purchases.Create(t.Context(), ledger.Purchase{
		Realm: "shop", ID: id, UserID: "alice", Order: order, State: ledger.Created, CreatedAt: now, UpdatedAt: now,
	})
	require.NoError(t, err)
	return func(step func(context.Context, ledger.Purchase) error) error {
		_, err := b.Purchases.Change(t.Context(), connect.Key{Realm: "shop", ID: id}, func(
			ctx context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			return p, step(ctx, p)
		})
		return err
	}
}

func done(t *testing.T, b *books.Books) map[string]int64 {
	t.Helper()
	counts, err := b.Bench.Done(t.Context(), "alice")
	require.NoError(t, err)
	return counts
}

func TestReservationsAreLimitedToDailyCapacity(t *testing.T) {
	for name, file := range map[string]string{"in memory": "", "in a file": filepath.Join(t.TempDir(), "a shop?.db")} {
		t.Run(name, func(t *testing.T) {
			b := open(t, file)
			first := job(t, b, "1", ledger.Order{Item: "gift-wrap", Quantity: books.PiecesADay - 1})
			second := job(t, b, "2", ledger.Order{Item: "gift-wrap", Quantity: 2})
			other := job(t, b, "3", ledger.Order{Item: "name-engraving", Quantity: books.PiecesADay})
			require.NoError(t, first(b.Bench.Reserve))
			require.Empty(t, done(t, b), "promised is not done")
			full := second(b.Bench.Reserve)
			require.Error(t, full)
			require.NotErrorIs(t, full, ledger.ErrTryAgain)
			require.True(t, books.Full(ledger.Purchase{Cause: "Reserve: " + full.Error()}))
			require.NoError(t, second(b.Bench.Release), "a release needs no reservation")
			require.NoError(t, other(b.Bench.Reserve), "each service has its own day")
			require.NoError(t, first(b.Bench.Release))
			require.NoError(t, second(b.Bench.Reserve), "there is room again")
			require.NoError(t, second(b.Bench.Deliver))
			require.Error(t, first(b.Bench.Deliver), "a job that was taken out is not done")
			require.Equal(t, map[string]int64{"gift-wrap": 2}, done(t, b))
		})
	}
}

func TestUnsavedJobIsNotDone(t *testing.T) {
	b := open(t, "")
	change := job(t, b, "1", ledger.Order{Item: "gift-wrap", Quantity: 1})
	require.NoError(t, change(b.Bench.Reserve))
	broken := errors.New("broken")
	require.ErrorIs(t, change(func(ctx context.Context, p ledger.Purchase) error {
		return errors.Join(b.Bench.Deliver(ctx, p), broken)
	}), broken)
	require.Empty(t, done(t, b))
}

func TestBenchIgnoresProductsAndRequiresShopDatabase(t *testing.T) {
	b := open(t, "")
	hat := ledger.Purchase{ID: "1", Order: ledger.Order{Product: "green-hat", Quantity: 99}}
	wrap := ledger.Purchase{ID: "1", Order: ledger.Order{Item: "gift-wrap", Quantity: 1}}
	for _, step := range []func(context.Context, ledger.Purchase) error{
		b.Bench.Reserve, b.Bench.Deliver, b.Bench.Release,
	} {
		require.NoError(t, step(t.Context(), hat))
		require.ErrorContains(t, step(t.Context(), wrap), "not in the shop's database")
	}
	require.ErrorIs(t, b.Bench.Reserve(t.Context(), wrap), ledger.ErrTryAgain, "it may be mended")
}

func TestDataSurvivesReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	b := open(t, file)
	change := job(t, b, "1", ledger.Order{Item: "gift-wrap", Quantity: 3})
	require.NoError(t, change(b.Bench.Reserve))
	require.NoError(t, change(b.Bench.Deliver))
	keys := b.Keys
	require.GreaterOrEqual(t, len(keys[0]), 32)
	token := connect.Credential{AccessToken: "alice's token"}
	alice := connect.Key{Realm: "www.gloebit.com/shop", ID: "alice"}
	require.NoError(
		t,
		b.Tokens.Update(
			t.Context(), alice, func(context.Context, *connect.Credential) (*connect.Credential, error) { return &token, nil },
		),
	)
	require.NoError(t, b.Close())

	b = open(t, file)
	require.Equal(t, keys, b.Keys)
	opened, err := b.Tokens.Load(t.Context(), alice)
	require.NoError(t, err)
	require.Equal(t, token.AccessToken, opened.AccessToken)
	require.Equal(t, map[string]int64{"gift-wrap": 3}, done(t, b))
	kept, err := b.Purchases.Get(t.Context(), connect.Key{Realm: "shop", ID: "1"})
	require.NoError(t, err)
	require.Equal(t, "gift-wrap", kept.Item)
	require.NoError(t, b.Close())

	_, err = books.Open(t.Context(), file, "another shop")
	require.ErrorContains(t, err, "of the application the shop at Gloebit, and not of another shop")
	require.NotEqual(t, keys, open(t, "").Keys, "another file, another key")
}

func TestDatabaseWithoutKeysIsNotOpened(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	require.NoError(t, open(t, file).Close())
	info, err := os.Stat(file + "-keys")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.NoError(t, os.WriteFile(file+"-keys", []byte(`{"hold":"a secret`), 0o600))
	_, err = books.Open(t.Context(), file, "the shop")
	require.ErrorContains(t, err, "can't be read")
	require.NotContains(t, err.Error(), "a secret")
	require.NoError(t, os.Remove(file+"-keys"))
	_, err = books.Open(t.Context(), file, "the shop")
	require.ErrorContains(t, err, "its keys are not in "+file+"-keys")
	require.NoFileExists(t, file+"-keys")
}

func TestOpenErrorNamesPackage(t *testing.T) {
	_, err := books.Open(t.Context(), t.TempDir(), "the shop")
	require.ErrorContains(t, err, "books: ")
}

func TestFormIsFirstOncePerDay(t *testing.T) {
	b := open(t, "")
	first := func(form string, now time.Time) bool {
		yes, err := b.First(t.Context(), form, now)
		require.NoError(t, err)
		return yes
	}
	now := time.Unix(1_700_000_000, 0)
	require.True(t, first("a", now))
	require.False(t, first("a", now.Add(23*time.Hour)))
	require.True(t, first("b", now))
	require.True(t, first("a", now.Add(25*time.Hour)), "forgotten, so that the file does not grow without limit")
}

func TestHoldKeyInDatabaseIsIgnored(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	b := open(t, file)
	keys := b.Keys
	_, err := b.DB().ExecContext(t.Context(), "INSERT INTO shop_settings VALUES ('hold key', 'a forger''s')")
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.Equal(t, keys, open(t, file).Keys)
}

func TestDatabaseFilesAreOwnerOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	open(t, file)
	for _, place := range []string{file, file + "-wal"} {
		info, err := os.Stat(place)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), place)
	}
}
