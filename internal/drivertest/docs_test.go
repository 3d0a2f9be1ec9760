package drivertest_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// headings of the blocks of SQL in docs/stores.md, by the database that they are
// for.
var headings = map[sqlstore.Dialect]string{
	sqlstore.Postgres: "\nPostgreSQL, with `psql`", sqlstore.SQLite: "\nSQLite, with `sqlite3`",
	sqlstore.MySQL: "\nMariaDB and MySQL, with `mariadb`",
}

// statementsIn returns the statements of the first SQL block after a heading.
func statementsIn(t *testing.T, heading string) (statements []string) {
	t.Helper()
	guide, err := os.ReadFile("../../docs/stores.md")
	require.NoError(t, err)
	_, behind, ok := strings.Cut(string(guide), heading)
	require.True(t, ok, heading)
	block := regexp.MustCompile("(?s)```sql\n(.*?)```").FindStringSubmatch(behind)
	require.NotNil(t, block, heading)
	for statement := range strings.SplitSeq(regexp.MustCompile("(?m)^--.*$").ReplaceAllString(block[1], ""), ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			statements = append(statements, statement)
		}
	}
	return statements
}

func TestStatementsOfTheGuide(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db, store := d.connect(t), d.store(t)
		now := time.Now()
		alice := connect.Credential{
			AccessToken: "t", Subject: "g-alice", Name: "Alice", Scopes: []connect.Scope{"id", "transact"},
			ConnectedAt: now, TokenExpiry: now.Add(-time.Hour),
		}
		bob := connect.Credential{AccessToken: "t", ConnectedAt: now.Add(-time.Hour), TokenExpiry: now.Add(time.Hour)}
		for key, credential := range map[connect.Key]connect.Credential{
			at("alice"): alice, at("bob"): bob, {Realm: "sandbox.gloebit.com/shop", ID: "alice"}: bob,
			{Realm: "www.gloebit.com/gone", ID: "carol"}: bob,
		} {
			require.NoError(t, store.Update(t.Context(), key, returning(credential)))
		}
		require.NoError(t, store.Put(t.Context(), at("hash"), pending()))

		want := [][]string{
			{"alice|g-alice|id transact|", "bob|||"},
			{"sandbox.gloebit.com/shop||||", "www.gloebit.com/shop|g-alice|Alice|id transact|"},
			{"sandbox.gloebit.com/shop|1|0", "www.gloebit.com/gone|1|0", "www.gloebit.com/shop|2|1"},
			{"www.gloebit.com/shop|1|"},
		}
		statements := statementsIn(t, headings[d.dialect])
		require.GreaterOrEqual(t, len(statements), 5)
		for i, rows := range want {
			got := slices.Sorted(slices.Values(asked(t, db, statements[i])))
			require.Len(t, got, len(rows), statements[i])
			for j, row := range rows {
				require.Contains(t, got[j], row, statements[i])
			}
		}
		_, err := db.ExecContext(t.Context(), statements[4])
		require.NoError(t, err)
		_, err = store.Load(t.Context(), connect.Key{Realm: "www.gloebit.com/gone", ID: "carol"})
		require.ErrorIs(t, err, connect.ErrNotFound)
		_, err = store.Load(t.Context(), at("bob"))
		require.NoError(t, err)
	})
}
