package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/ledger"
)

// TestNoSecretInErrors checks that errors about invalid settings contain no
// secret.
func TestNoSecretInErrors(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery"
	for _, database := range []string{
		"postgres://shop:" + secret + "@127.0.0.1:1/shop", "postgres://shop:" + secret + "@127.0.0.1:port/shop",
		"postgres://shop:" + secret + "@[::1/shop", "postgres://shop:" + secret + "@127.0.0.1:1/shop?sslmode=" + secret,
		"mysql://shop:" + secret + "@tcp(127.0.0.1:1)/shop", "mysql://shop:" + secret + "@tcp(127.0.0.1:1", "mysql:" + secret,
		"mysql://shop:" + secret + "@tcp(127.0.0.1:1)/shop?parseTime=" + secret, "shop:" + secret + "@tcp(127.0.0.1:1)/shop",
		secret,
		"sqlite:", "sqlite:/no/such/folder/shop.db?_pragma=%zz" + secret, "",
	} {
		t.Run(strings.ReplaceAll(database, secret, "…"), func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, now: time.Now(), secrets: []string{secret}, env: map[string]string{
				"GLOEBIT_DATABASE": database, "GLOEBIT_CLIENT_ID": "id", "GLOEBIT_CLIENT_SECRET": secret,
				"GLOEBIT_SIGNING_KEYS": secret,
				"GLOEBIT_SEALING_KEYS": secret, "USER": "olga",
			}}
			for _, args := range [][]string{{"purchases", "list"}, {"migrate"}, {"sweep"}, {"doctor"}, {"reseal"}} {
				got := w.runs(args...)
				require.NotZero(t, got.code)
				require.NotEmpty(t, got.out+got.log)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	for _, args := range []string{
		"purchase", "purchases lst", "purchases show", "purchases show one two", "purchases retry", "purchases list --nope",
		"purchases list --state paid",
		"purchases list --from may", "purchases list --limit 0", "purchases list --after nowhere", "schema",
		"schema --dialect oracle",
		"schema --dialect sqlite --prefix 1", "keys new", "erase", "stats extra", "--json=perhaps stats",
	} {
		t.Run(args, func(t *testing.T) {
			got := w.runs(strings.Fields(args)...)
			require.Equal(t, exitUsage, got.code, got.log)
			require.Empty(t, got.out)
			require.True(t, strings.HasPrefix(got.log, "gloebit: "))
		})
	}
	for _, args := range []string{
		"", "purchases", "--help", "help stats", "completion bash", "__complete purchases list --state ",
	} {
		require.Zero(t, w.runs(strings.Fields(args)...).code, args)
	}
	require.Contains(t, w.succeeds("__complete", "purchases", "list", "--state", ""), "delivered")
}

func TestShopOfConfigFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSQLite(t))
	w.put("one", ledger.Delivered, false)
	file := filepath.Join(t.TempDir(), "client.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"web": {"client_id": "`+w.env["GLOEBIT_CLIENT_ID"]+
		`", "client_secret": "`+w.env["GLOEBIT_CLIENT_SECRET"]+
		`", "redirect_uris": ["`+w.env["GLOEBIT_REDIRECT_URL"]+`"]}}`), 0o600))
	id := w.env["GLOEBIT_CLIENT_ID"]
	delete(w.env, "GLOEBIT_CLIENT_ID")
	require.Equal(t, exitUsage, w.runs("purchases", "list").code)
	require.Contains(t, w.succeeds("purchases", "list", "--config", file), "one")
	require.Contains(t, w.succeeds("purchases", "list", "--realm", id), "one")
	require.NotContains(t, w.succeeds("purchases", "list", "--realm", "another"), "one")
	require.NotContains(t, w.succeeds("purchases", "list", "--realm", id, "--server", "production"), "one")
	require.NotContains(t, w.succeeds("purchases", "list", "--realm", id, "--server", "sandbox"), "one")
	require.NotContains(t, w.succeeds("purchases", "list", "--realm", id, "--server", "local"), "one")
	require.Equal(t, exitUsage, w.runs("purchases", "list", "--server", "live").code)
	w.env["GLOEBIT_CONFIG"] = file
	require.Contains(t, w.succeeds("purchases", "show", "one"), "put there by a test")
	require.NoError(t, os.WriteFile(file, []byte(`{"web": {"client_id": "`+w.env["GLOEBIT_CLIENT_SECRET"]+`"`), 0o600))
	require.Equal(t, exitFailed, w.runs("purchases", "list").code)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	w := &world{t: t, now: time.Now()}
	require.Regexp(t, `^gloebit version \S+\n$`, w.succeeds("--version"))
}

func TestSandbox(t *testing.T) {
	folder := t.TempDir()
	w := &world{t: t, now: time.Now()}
	t.Setenv("PATH", folder)
	got := w.runs("sandbox", "-addr", "127.0.0.1:0")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.log, "go install github.com/go-gloebit/gloebit/cmd/gloebit-sandbox@latest")
	require.NoError(
		t, os.WriteFile(filepath.Join(folder, "gloebit-sandbox"), []byte("#!/bin/sh\necho \"sandbox $*\"\n"), 0o700),
	)
	require.Equal(t, "sandbox -addr 127.0.0.1:0 --help\n", w.succeeds("sandbox", "-addr", "127.0.0.1:0", "--help"))
}
