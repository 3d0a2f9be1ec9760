package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser opens the page that login shows, as its user does.
type browser struct {
	bytes.Buffer
	t    *testing.T
	done chan struct{}
}

var page = regexp.MustCompile(`http://127\.0\.0\.1\S+`)

func (b *browser) Write(text []byte) (int, error) {
	if to := page.Find(text); to != nil {
		go func() {
			defer close(b.done)
			jar, _ := cookiejar.New(nil)
			client := http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
			resp, err := client.Get(string(to))
			if err != nil {
				b.t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusOK {
				b.t.Errorf("%s: %s %s, %v", resp.Request.URL, resp.Status, body, err)
			}
		}()
	}
	return b.Buffer.Write(text)
}

func TestLogin(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	w := newWorld(t, newSQLite(t))
	w.now = time.Now()
	require.NoError(t, w.gloebit.Approve("alice"))
	got := w.runs("whoami")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.log, "run gloebit login")

	visitor := &browser{t: t, done: make(chan struct{})}
	a := &app{out: visitor, log: visitor, getenv: func(name string) string { return w.env[name] }, now: time.Now}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	require.Zero(t, a.run(ctx, []string{"login", "--redirect", w.loopback}), visitor)
	<-visitor.done
	w.wantNoSecret(visitor.String())
	require.Equal(t, "alice\n", w.succeeds("whoami"))
	require.Equal(t, "1000 G$\n", w.succeeds("balance"))
	require.Equal(t, "{\n  \"balance\": 1000\n}\n", w.succeeds("balance", "--json"))
	require.Contains(t, w.succeeds("whoami", "--json"), `"name": "alice"`)
	w.succeeds("logout")
	require.Equal(t, exitFailed, w.runs("balance").code)
	delete(w.env, "GLOEBIT_CLIENT_SECRET")
	require.Equal(t, exitUsage, w.runs("balance").code)
}
