package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sealed"
)

// TestSchema checks that the printed SQL makes the tables that migrate makes.
func TestSchema(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := &world{t: t, env: map[string]string{
			"GLOEBIT_DATABASE": database, "GLOEBIT_PREFIX": "shop_", "GLOEBIT_CLIENT_ID": "id",
		}}
		w.now = time.Now()
		dialect, _, _ := strings.Cut(database, ":")
		text := w.succeeds("schema", "--dialect", dialect)
		require.Contains(t, text, "shop_gloebit_purchases")
		db := openDatabase(t, database)
		for _, statement := range strings.Split(text, ";\n") {
			if statement = strings.TrimSpace(statement); statement != "" {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err, statement)
			}
		}
		got := w.runs("doctor")
		require.Contains(t, got.out, "shop_oauth_schema is at version 1")
		require.Contains(t, got.out, "shop_gloebit_ledger_schema is at version 1")
		w.succeeds("migrate")
		require.NotContains(t, w.runs("doctor").out, "problem  shop_")
	})
}

func TestStats(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		require.NotContains(t, w.succeeds("stats", "--json"), "null", "an empty list is an array")
		for _, key := range []string{"one", "two"} {
			w.put(key, ledger.Delivered, false, func(p *ledger.Purchase) { p.PaidAt = w.now })
		}
		w.put("three", ledger.Reserved, true)
		w.put("four", ledger.Accepted, false, func(p *ledger.Purchase) { p.Realm = "www.gloebit.com/old" })
		text := w.succeeds("stats")
		require.Regexp(t, `2026-05-02 +2 +80`, text)
		require.Regexp(t, `green-hat +2 +80`, text)
		require.Regexp(t, `reserved +1 +40`, text)
		require.Regexp(t, `www.gloebit.com/old +accepted +1 +0`, text)
		var stats struct {
			Paid       map[ledger.Grouping][]ledger.Tally
			Unfinished []ledger.Count
		}
		require.NoError(t, json.Unmarshal([]byte(w.succeeds("stats", "--json", "--days", "1")), &stats))
		require.Len(t, stats.Paid["day"], 1)
		require.Len(t, stats.Paid["item"], 1)
		require.Len(t, stats.Paid["state"], 2)
		require.Len(t, stats.Unfinished, 2)
		require.Equal(t, exitUsage, w.runs("stats", "--days", "0").code)
	})
}

func TestPrune(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		w.put("old", ledger.Delivered, false)
		w.put("unfinished", ledger.Reserved, false)
		w.put("changed", ledger.Delivered, false, func(p *ledger.Purchase) { p.UpdatedAt = w.now.AddDate(0, 0, 9) })
		w.put("unreported", ledger.Delivered, false, func(p *ledger.Purchase) { p.Changes, p.ReportAt = 1, w.now })
		w.now = w.now.AddDate(0, 0, 10)
		before := []string{"prune", "--before", "2026-05-10"}
		require.Equal(t, "would remove: 1\n", w.succeeds(append(before, "--dry-run")...))
		require.Equal(t, exitUsage, w.runs(before...).code)
		require.Equal(t, exitFailed, w.typing("n\n", before...).code)
		require.Len(t, w.listed(), 4)
		require.Equal(t, "removed: 1\n", w.succeeds(append(before, "--yes")...))
		require.Len(t, w.listed(), 3)
		require.Equal(t, exitUsage, w.runs("prune", "--yes", "--before", "2027-01-01").code)
		require.Equal(t, exitUsage, w.runs("prune", "--yes").code)
		require.Equal(t, exitUsage, w.runs("prune", "--yes", "--before", "yesterday").code)
	})
}

func (w *world) listed() []ledger.Purchase {
	w.t.Helper()
	list, err := w.ledger.List(w.t.Context(), ledger.Query{})
	require.NoError(w.t, err)
	return list
}

func TestErase(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		w.put("one", ledger.Delivered, false, func(p *ledger.Purchase) { p.Username = "Alice Example" })
		w.put("two", ledger.Accepted, false)
		got := w.runs("erase", "--yes", "alice")
		require.Equal(t, exitFailed, got.code)
		require.Contains(t, got.log, "purchase two is accepted")
		w.succeeds("purchases", "cancel", "--yes", "two")
		w.now = w.now.Add(time.Second)
		w.reconcile()
		require.Equal(t, "would erase from: 2\n", w.succeeds("erase", "--dry-run", "alice"))
		require.Equal(t, exitUsage, w.runs("erase", "alice").code)
		require.Equal(t, exitUsage, w.runs("erase", "--dry-run", "").code, "it would count all users")
		require.Equal(t, "alice", w.get("one").UserID)
		require.Equal(t, "erased from: 2\n", w.succeeds("erase", "--yes", "alice"))
		require.NotContains(t, w.succeeds("purchases", "export", "--format", "json"), "lice")
		_, err := w.store.Load(t.Context(), connect.Key{Realm: w.merchant.Realm(), ID: "alice"})
		require.ErrorIs(t, err, gloebit.ErrNotFound)
	})
}

func TestSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	require.NoError(
		t,
		w.store.Put(
			t.Context(), connect.Key{Realm: "r", ID: "s"}, connect.PendingConnection{ExpiresAt: w.now.Add(-time.Hour)},
		),
	)
	require.Equal(t, "removed: 1\n", w.succeeds("sweep"))
	require.Equal(t, "{\n  \"removed\": 0\n}\n", w.succeeds("sweep", "--json"))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	file := filepath.Join(t.TempDir(), "key")
	require.Empty(t, w.succeeds("keys", "new", "signing", file))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	signing := strings.TrimSpace(string(must(os.ReadFile(file))))
	require.GreaterOrEqual(t, len(signing), 32)
	require.Equal(t, exitFailed, w.runs("keys", "new", "signing", file).code, "a key is not overwritten")
	require.Equal(t, signing, strings.TrimSpace(string(must(os.ReadFile(file)))))

	require.Len(t, must(sealed.ParseKeys(w.newKey("sealing"))), 1)
	require.Equal(t, exitUsage, w.runs("keys", "new", "door", file+"2").code)
	require.NoFileExists(t, file+"2")
}

// newKey makes a key, and returns it.
func (w *world) newKey(kind string) string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "key")
	w.succeeds("keys", "new", kind, file)
	return strings.TrimSpace(string(must(os.ReadFile(file))))
}

func TestReseal(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		key := connect.Key{Realm: w.merchant.Realm(), ID: "alice"}
		plain := must(w.store.Load(t.Context(), key)).AccessToken
		first, second := w.newKey("sealing"), w.newKey("sealing")
		w.secrets = append(w.secrets, strings.Split(first, ":")[1], strings.Split(second, ":")[1])
		require.Equal(t, exitUsage, w.runs("reseal").code, "without a key")

		w.env["GLOEBIT_SEALING_KEYS"] = first
		got := w.runs("reseal")
		require.Equal(t, exitFailed, got.code, "a plain credential")
		require.Contains(t, got.log, "not sealed")
		require.Equal(t, "resealed: 1\n", w.succeeds("reseal", "--accept-plain"))
		w.env["GLOEBIT_SEALING_KEYS"] = second + "," + first
		require.Equal(t, "resealed: 1\n", w.succeeds("reseal"))
		require.Equal(t, "resealed: 0\n", w.succeeds("reseal"))
		tokens := must(sealed.New(w.store, must(sealed.ParseKeys(second))...))
		require.Equal(t, plain, must(tokens.Load(t.Context(), key)).AccessToken)
	})
}

// TestNoFileIsMade checks that a mistyped database name creates no file.
func TestNoFileIsMade(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	w := &world{t: t, now: time.Now(), env: map[string]string{"GLOEBIT_DATABASE": database, "GLOEBIT_CLIENT_ID": "id"}}
	got := w.runs("migrate")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.log, "create an empty one")
	require.NoFileExists(t, strings.TrimPrefix(database, "sqlite:"))
}

func TestWithoutTables(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := &world{t: t, now: time.Now(), env: map[string]string{
			"GLOEBIT_DATABASE": database, "GLOEBIT_CLIENT_ID": "id", "USER": "olga",
		}}
		for _, args := range [][]string{
			{"purchases", "list"}, {"stats"}, {"sweep"}, {"purchases", "retry", "one"}, {"erase", "--yes", "alice"},
		} {
			require.Equal(t, exitFailed, w.runs(args...).code, args)
		}
		require.Contains(t, w.runs("doctor").out, "run gloebit migrate")
	})
}
