package main

import (
	"encoding/json"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/ledger"
)

// examined returns what the doctor finds.
func (w *world) examined(args ...string) (exit int, findings []finding) {
	w.t.Helper()
	got := w.runs(append([]string{"doctor", "--json", "--timeout", "5s"}, args...)...)
	require.NoError(w.t, json.Unmarshal([]byte(got.out), &findings), got.log)
	return got.code, findings
}

// finds returns the problems that the doctor finds, a line each.
func (w *world) finds(args ...string) (exit int, problems []string) {
	w.t.Helper()
	exit, findings := w.examined(args...)
	for _, f := range findings {
		if f.Result == "problem" {
			problems = append(problems, f.Check+": "+f.Text)
		}
	}
	return exit, problems
}

func TestHealthyShop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	code, problems := w.finds()
	require.Empty(t, problems)
	require.Zero(t, code)
	text := w.succeeds("doctor")
	for _, want := range []string{
		"the server is " + w.gloebit.URL, "the callback handler", "the ledger's handler", "leads to",
		"none is stuck or overdue",
	} {
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
		{"invalid_database", func(w *world) { w.env["GLOEBIT_DATABASE"] = "x" }, "database: GLOEBIT_DATABASE is not set or"},
		{"connect_not_mounted", func(w *world) { w.connects(http.StatusNotFound, "") }, "answers 404 Not Found"},
		{"connect_fails", func(w *world) { w.connects(http.StatusInternalServerError, "") }, "answers 500 Internal"},
		{
			"another_server", func(w *world) { w.env["GLOEBIT_SERVER"] = "production" },
			"not to https://www.gloebit.com/oauth2/authorize: set GLOEBIT_SERVER",
		},
		{
			"unknown_server", func(w *world) { w.env["GLOEBIT_SERVER"] = "live" },
			`settings: GLOEBIT_SERVER or --server: "live" is not an absolute URL: it must begin with https:// or http://; ` +
				"set it to production, sandbox, local or a URL",
		},
		{"own_certificate", func(w *world) {
			site := httptest.NewUnstartedServer(w)
			site.Config.ErrorLog = log.New(io.Discard, "", 0)
			site.StartTLS()
			w.t.Cleanup(site.Close)
			w.env["GLOEBIT_CALLBACK_URL"] = site.URL + "/gloebit/hold"
		}, "unknown authority: for a certificate of your own, set SSL_CERT_FILE"},
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

// connects has the site answer the connect URL with a status and a Location.
func (w *world) connects(status int, location string) {
	shop := w.handler
	w.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/gloebit/connect" {
			shop.ServeHTTP(rw, r)
			return
		}
		if location != "" {
			rw.Header().Set("Location", location)
		}
		rw.WriteHeader(status)
	})
}

func TestSkippedChecks(t *testing.T) {
	t.Parallel()
	const byHand = "sign in with a browser and open it; the address of Gloebit's page must have "
	for _, c := range []struct {
		name   string
		change func(w *world)
		exit   int
		want   map[string]string // the text of each check that is skipped
	}{
		{"sign_in_page", func(w *world) { w.connects(http.StatusSeeOther, "/sign-in?return_to=%2F") }, 0, map[string]string{
			"connect URL": byHand,
		}},
		{"sign_in_required", func(w *world) { w.connects(http.StatusUnauthorized, "") }, 0, map[string]string{
			"connect URL": byHand,
		}},
		{"no_signing_keys", func(w *world) { delete(w.env, "GLOEBIT_SIGNING_KEYS") }, 0, map[string]string{
			"signing keys": "not set: GLOEBIT_SIGNING_KEYS",
		}},
		{"invalid_server", func(w *world) { w.env["GLOEBIT_SERVER"] = "live" }, exitProblem, map[string]string{
			"signing keys": "settings failed", "purchases": "settings failed", "connect URL": "settings failed",
		}},
		{"only_urls", func(w *world) {
			for _, name := range []string{"CLIENT_ID", "CLIENT_SECRET", "DATABASE", "SIGNING_KEYS"} {
				delete(w.env, "GLOEBIT_"+name)
			}
		}, 0, map[string]string{
			"settings":     "not set: GLOEBIT_CLIENT_ID, --config or --realm; the server is http",
			"signing keys": "settings was skipped", "database": "not set: GLOEBIT_DATABASE",
			"durability": "database was skipped", "clock": "database was skipped", "schema": "database was skipped",
			"purchases": "settings was skipped",
		}},
		{"nothing_set", func(w *world) { clear(w.env) }, exitProblem, map[string]string{
			"settings":     "the server is https://www.gloebit.com/",
			"signing keys": "", "database": "", "durability": "", "clock": "", "schema": "", "purchases": "",
			"redirect URL": "not set: GLOEBIT_REDIRECT_URL or --config",
			"connect URL":  "not set: GLOEBIT_REDIRECT_URL or --config", "callback URL": "not set: GLOEBIT_CALLBACK_URL",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newSQLite(t))
			wanted := map[string]string{"clock": "SQLite", "sealing keys": "not set: GLOEBIT_SEALING_KEYS; without any"}
			maps.Copy(wanted, c.want)
			c.change(w)
			exit, findings := w.examined()
			require.Equal(t, c.exit, exit, findings)
			for _, f := range findings {
				want, found := wanted[f.Check]
				require.Equal(t, found, f.Result == "skipped", f)
				require.Contains(t, f.Text, want, f.Check)
			}
		})
	}
}

func TestErrorOnOneLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	w.env["GLOEBIT_DATABASE"] = "postgres://shop@127.0.0.1:1/shop?sslmode=disable"
	text := w.runs("doctor").out
	require.Contains(t, text, "failed to connect to `user=shop database=shop`: 127.0.0.1:1 ")
	require.NotContains(t, text+w.runs("stats").log, "\uFFFD")
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
