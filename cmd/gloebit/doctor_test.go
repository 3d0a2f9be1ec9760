package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/ledger"
)

// finds returns the problems that the doctor finds, a line each.
func (w *world) finds(args ...string) (exit int, problems []string) {
	w.t.Helper()
	got := w.runs(append([]string{"doctor", "--json", "--timeout", "5s"}, args...)...)
	var findings []finding
	require.NoError(w.t, json.Unmarshal([]byte(got.out), &findings), got.log)
	for _, f := range findings {
		if f.Result == "problem" {
			problems = append(problems, f.Check+": "+f.Text)
		}
	}
	return got.code, problems
}

func TestHealthyShop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	code, problems := w.finds()
	require.Empty(t, problems)
	require.Zero(t, code)
	text := w.succeeds("doctor")
	for _, want := range []string{"the callback handler", "the ledger's handler", "leads to", "none is stuck or overdue"} {
		require.Contains(t, text, want)
	}
}

func TestDoctorFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		harm func(w *world)
		want string
	}{
		{"stuck_purchase", func(w *world) { w.put("one", ledger.Settled, true) }, "purchases: 1 settled are stuck"},
		{"overdue_purchase", func(w *world) {
			w.put("one", ledger.Settled, false, func(p *ledger.Purchase) { p.NextAt = w.now.Add(-time.Hour) })
		}, "purchases: 1 settled are overdue since 2026-05-02 11:00:00"},
		{"realm_not_served", func(w *world) {
			w.put("one", ledger.Accepted, false, func(p *ledger.Purchase) { p.Realm = "www.gloebit.com/old" })
		}, "purchases: 1 accepted of the realm www.gloebit.com/old"},
		{
			"short_signing_key", func(w *world) { w.env["GLOEBIT_SIGNING_KEYS"] = "short" },
			"signing keys: ledger: Config.Keys: the key at 0 is of 5 bytes",
		},
		{"short_sealing_key", func(w *world) { w.env["GLOEBIT_SEALING_KEYS"] = "a:c2hvcnQ=" }, "sealing keys: "},
		{"callback_not_mounted", func(w *world) { w.handler = http.NotFoundHandler() }, "callback URL: " + "http"},
		{"redirect_not_mounted", func(w *world) { w.handler = http.NotFoundHandler() }, "redirect URL: http"},
		{"redirect_not_reached", func(w *world) { w.site.Close() }, "redirect URL: Get"},
		{"redirect_of_another_client", func(w *world) { w.env["GLOEBIT_CLIENT_ID"] = "another" }, "the client_id"},
		{"plain_http", func(w *world) { w.env["GLOEBIT_REDIRECT_URL"] = "http://shop.example/callback" }, "settings: "},
		{"cookie_for_scripts", func(w *world) {
			w.handler = setsCookie(&http.Cookie{Name: "session", Value: "x", SameSite: http.SameSiteLaxMode})
		}, `redirect URL: the cookie "session" is not HttpOnly`},
		{"cookie_for_other_sites", func(w *world) {
			w.handler = setsCookie(&http.Cookie{Name: "session", Value: "x", HttpOnly: true})
		}, `redirect URL: the cookie "session" is not HttpOnly, SameSite=Lax`},
		{
			"sqlite_without_sync", func(w *world) { w.env["GLOEBIT_DATABASE"] += "?_pragma=synchronous(0)" },
			"durability: synchronous is 0",
		},
		{"sqlite_wal_with_less_sync", func(w *world) {
			w.env["GLOEBIT_DATABASE"] += "?_pragma=journal_mode(wal)&_pragma=synchronous(1)"
		}, "durability: synchronous is 1"},
		{
			"sqlite_without_journal", func(w *world) { w.env["GLOEBIT_DATABASE"] += "?_pragma=journal_mode(off)" },
			"durability: journal_mode is off",
		},
		{
			"older_tables", func(w *world) { w.exec("DELETE FROM gloebit_ledger_schema") },
			"schema: gloebit_ledger_schema is at version 0, not 1",
		},
		{
			"newer_tables", func(w *world) { w.exec("INSERT INTO oauth_schema VALUES (99)") },
			"schema: oauth_schema is at version 99",
		},
		{"no_database", func(w *world) { w.env["GLOEBIT_DATABASE"] = "" }, "database: GLOEBIT_DATABASE is not set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newSQLite(t))
			c.harm(w)
			code, problems := w.finds()
			require.Equal(t, exitProblem, code)
			require.Contains(t, strings.Join(problems, "\n"), c.want)
		})
	}
}

func setsCookie(cookie *http.Cookie) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, cookie)
		w.WriteHeader(http.StatusBadRequest)
	})
}

func (w *world) exec(statement string) {
	w.t.Helper()
	_, err := openDatabase(w.t, w.env["GLOEBIT_DATABASE"]).ExecContext(w.t.Context(), statement)
	require.NoError(w.t, err)
}

func TestServedRealms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	w.put("one", ledger.Accepted, false, func(p *ledger.Purchase) { p.Realm = "www.gloebit.com/old" })
	code, problems := w.finds("--serves", "www.gloebit.com/old")
	require.Empty(t, problems)
	require.Zero(t, code)
}

// TestDurability checks that the doctor reads every durability setting on every
// database. Its findings depend on the server.
func TestDurability(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		w.now = time.Now()
		text := w.runs("doctor").out
		require.NotContains(t, text, "read ")
		for _, want := range map[string][]string{
			"sqlite": {"journal_mode is delete"}, "mysql": {"innodb_flush_log_at_trx_commit is", "the database is"},
			"postgres": {"fsync is", "synchronous_commit is", "the database is"},
		}[strings.Split(database, ":")[0]] {
			require.Contains(t, text, want)
		}
	})
}

func TestClockApart(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		if strings.HasPrefix(database, "sqlite") {
			return // it has the clock of this machine
		}
		w := newWorld(t, database)
		for ahead, problem := range map[time.Duration]bool{0: false, -time.Minute: true, time.Minute: true} {
			w.now = time.Now().Add(ahead)
			_, problems := w.finds()
			require.Equal(t, problem, strings.Contains(strings.Join(problems, "\n"), "clock: "), ahead)
		}
	})
}

func TestCommitWithoutSync(t *testing.T) {
	each(t, func(t *testing.T, database string) {
		if !strings.HasPrefix(database, "postgres") {
			return
		}
		w := newWorld(t, database+"&synchronous_commit=off")
		_, problems := w.finds()
		require.Contains(t, strings.Join(problems, "\n"), "durability: synchronous_commit is off")
	})
}

func TestSilentSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	silent := must(net.Listen("tcp", "127.0.0.1:0")) // accepts and never answers
	t.Cleanup(func() { _ = silent.Close() })
	w.env["GLOEBIT_CALLBACK_URL"] = "http://" + silent.Addr().String() + "/hold"
	_, problems := w.finds("--timeout", "100ms")
	require.Contains(t, strings.Join(problems, "\n"), " does not answer within 100ms")
}
