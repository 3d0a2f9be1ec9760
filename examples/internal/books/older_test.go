package books_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/books"
)

const (
	olderToken   = "the older token of alice"
	olderHoldKey = "GTVFJHCSELNQQOM7ABTPQIIROOYIPAURG7X7NTQGFKR3D65YNPW3"
	olderOrder   = "11111111-1111-4111-8111-111111111111"
)

// olderShop is a database as the shop made it before it sealed its tokens.
func olderShop(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "shop.db")
	db, err := sql.Open("sqlite", file+"?_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	dump, err := os.ReadFile("testdata/older.sql")
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), string(dump))
	require.NoError(t, err)
	require.NoError(t, db.Close())
	return file
}

func goesOn(t *testing.T, b *books.Books) {
	t.Helper()
	require.Len(t, b.Keys, 1)
	require.Equal(t, olderHoldKey, b.Keys[0].Reveal(), "or Gloebit's callbacks for what is under way are refused")
	connection, err := b.Tokens.Load(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, olderToken, connection.AccessToken.Reveal())
	require.Equal(t, "alice-at-gloebit", connection.GloebitID)
	purchase, err := b.Store.Get(t.Context(), olderOrder)
	require.NoError(t, err)
	require.Equal(t, "gift-wrap", purchase.Item)
}

func TestTheDatabaseOfAnOlderShopGoesOnSealed(t *testing.T) {
	file := olderShop(t)
	b := open(t, file)
	goesOn(t, b)
	stored, err := b.Store.Load(t.Context(), "alice")
	require.NoError(t, err)
	require.Contains(t, stored.AccessToken.Reveal(), "sealed:v1:")
	for range 2 { // while it is open, and after it was closed
		for _, place := range []string{file, file + "-wal"} {
			bytes, err := os.ReadFile(place)
			if place == file {
				require.NoError(t, err)
			}
			require.NotContains(t, string(bytes), olderToken, "a token in plain")
			require.NotContains(t, string(bytes), olderHoldKey, "the key beside what it signs")
		}
		require.NoError(t, b.Close())
	}
	info, err := os.Stat(file + "-keys")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	goesOn(t, open(t, file))
}

func TestSealingAnOlderDatabaseThatWasInterruptedGoesOn(t *testing.T) {
	file := olderShop(t)
	b := open(t, file)
	stored, err := b.Store.Load(t.Context(), "alice")
	require.NoError(t, err)
	// As after a kill between two steps: alice is sealed, the rest is not done.
	_, err = b.DB().ExecContext(t.Context(), "INSERT INTO shop_settings VALUES ('hold key', $1)", olderHoldKey)
	require.NoError(t, err)
	_, err = b.DB().ExecContext(t.Context(), `INSERT INTO gloebit_credentials
		SELECT CAST('bob' AS BLOB), CAST('bob''s' AS BLOB), X'', X'', scopes, gloebit_id, expiry, connected_at, valid_until, 1 FROM gloebit_credentials`)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	text, err := os.ReadFile(file + "-keys")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file+"-keys", append(text[:len(text)-1], `,"older":true}`...), 0o600))

	b = open(t, file)
	goesOn(t, b)
	again, err := b.Store.Load(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, stored.AccessToken, again.AccessToken, "sealed once")
	bob, err := b.Tokens.Load(t.Context(), "bob")
	require.NoError(t, err)
	require.Equal(t, "bob's", bob.AccessToken.Reveal())
}

func TestAHoldKeyThatSomebodyWritesIntoTheDatabaseIsNotBelieved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	b := open(t, file)
	keys := b.Keys
	_, err := b.DB().ExecContext(t.Context(), "INSERT INTO shop_settings VALUES ('hold key', 'a forger''s')")
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.Equal(t, keys, open(t, file).Keys)
}

func TestADatabaseIsMadeForNobodyElseToRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	open(t, file)
	for _, place := range []string{file, file + "-wal"} {
		info, err := os.Stat(place)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), place)
	}
}
