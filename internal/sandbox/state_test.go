package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/sandbox"
	"github.com/stretchr/testify/require"
)

func TestEverythingIsThereAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	s := start(t, sandbox.Config{StateFile: file})
	b := s.browser()
	b.post("/create-account", "name", "dora")
	b.decide(b.get(s.authorize()), "approve")
	token := s.exchange(s.called()[0].Get("code"))
	s.api(
		token, http.MethodPost, "/transact",
		`{"version":1,"id":"t-1","consumer-key":"`+s.app.Key+`","product":"red-scarf"}`,
	)
	b.post("/purchase", "amount", "500")
	b.post("/merchant/"+s.app.Key+"/products/price", "product", "red-scarf", "price", "30")

	// Nothing is closed or saved by hand: the file has it all already.
	again := start(t, sandbox.Config{StateFile: file, RedirectPrefixes: s.app.RedirectPrefixes})
	require.Equal(t, s.app.Key, again.app.Key)
	require.Equal(t, s.app.Secret, again.app.Secret)
	require.Len(t, again.box.Gloebit().Users(), 3, "alice and bob are not added again")
	require.Equal(t, "1475", again.box.Gloebit().Balance("dora"))
	p := again.signedInAs("dora").get("/account")
	for _, words := range []string{"red-scarf", "+500 G$</span>", "May: know who you are"} {
		require.Contains(t, p.body, words)
	}
	require.Equal(t, true, again.api(token, http.MethodGet, "/balance", "")["success"], "tokens stay good")
	require.Contains(t, again.browser().get("/merchant/"+s.app.Key).body, `value="30"`)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the file holds secrets")
}

func TestConfigOverridesSavedState(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	open := func(cfg sandbox.Config) gloebittest.Application {
		cfg.StateFile = file
		box, err := sandbox.New(cfg)
		require.NoError(t, err)
		return box.Application()
	}
	first := open(sandbox.Config{ClientID: "one", RedirectPrefixes: []string{"http://127.0.0.1:1/"}})
	require.Equal(t, first, open(sandbox.Config{}))
	second := open(sandbox.Config{
		ClientSecret: "new", Name: "Other", HomeURL: "http://127.0.0.1:2/",
		RedirectPrefixes: []string{"http://127.0.0.1:2/"},
	})
	require.Equal(t, "one", second.Key)
	require.Equal(t, "new", second.Secret)
	require.Equal(t, "Other", second.Name)
	require.Equal(t, []string{"http://127.0.0.1:2/"}, second.RedirectPrefixes)
	require.Equal(t, first.Products, second.Products)
	require.Equal(t, second, open(sandbox.Config{}))
	require.Equal(t, "two", open(sandbox.Config{ClientID: "two"}).Key, "another key is another application")
	require.Equal(t, "two", open(sandbox.Config{}).Key)
	require.Equal(t, second, open(sandbox.Config{ClientID: "one"}))
}

func TestInvalidStateFileIsNotOverwritten(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good.json")
	_, err := sandbox.New(sandbox.Config{StateFile: good})
	require.NoError(t, err)
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	for name, content := range map[string]string{
		"empty":             "",
		"not JSON":          "hello",
		"another file":      `{"name":"package.json"}`,
		"a later version":   strings.Replace(string(whole), `"version":1`, `"version":2`, 1),
		"another format":    strings.Replace(string(whole), "gloebit-sandbox", "gloebit-bank", 1),
		"cut off":           `{"format":"gloebit-sandbox","version":1,"gloebit":{"us`,
		"without the state": `{"format":"gloebit-sandbox","version":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "state.json")
			require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
			_, err := sandbox.New(sandbox.Config{StateFile: file})
			require.ErrorContains(t, err, file)
			left, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, content, string(left))
		})
	}
}

func TestUnsavedStateReturns503(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(folder, 0o700))
	s := start(t, sandbox.Config{StateFile: filepath.Join(folder, "state.json")})
	b := s.signedInAs("alice")
	require.NoError(t, os.RemoveAll(folder))
	p := b.post("/purchase", "amount", "100", "order", "o-1")
	require.Equal(t, http.StatusServiceUnavailable, p.status)
	require.Equal(t, "The sandbox can't write its state file, so nothing can be relied on.\n", p.body)
	require.Empty(t, p.header.Get("Location"))
	p = b.get("/account")
	require.Equal(t, http.StatusServiceUnavailable, p.status)
	require.Equal(t, "The sandbox can't write its state file, so nothing can be relied on.\n", p.body)

	require.NoError(t, os.Mkdir(folder, 0o700))
	p = b.post("/purchase", "amount", "100", "order", "o-1")
	require.Contains(t, p.body, "100 G$ bought.")
	require.Equal(t, "1100", s.box.Gloebit().Balance("alice"), "asked for twice, bought once")
}

// keptTransactions reads how many transactions the state file has, and the state of the last.
func keptTransactions(t *testing.T, file string) (int, string) {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{StateFile: copyOf(t, file)})
	require.NoError(t, err)
	list := box.Gloebit().Transactions()
	if len(list) == 0 {
		return 0, ""
	}
	return len(list), string(list[len(list)-1].State)
}

func copyOf(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	target := filepath.Join(t.TempDir(), "copy.json")
	require.NoError(t, os.WriteFile(target, content, 0o600))
	return target
}

func TestRunSavesStateBeforeCallbacks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	s := start(t, sandbox.Config{StateFile: file})
	var enacted, consumed, unsaved atomic.Int32
	hold := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, state := keptTransactions(t, file)
		switch r.URL.Path {
		case "/enact":
			enacted.Add(1)
			if n != 1 || state != string(gloebittest.StateQueued) {
				unsaved.Add(1)
			}
		default:
			consumed.Add(1)
			if n != 1 || state != string(gloebittest.StateInProgress) {
				unsaved.Add(1)
			}
		}
		_, _ = io.WriteString(w, "[true]")
	}))
	defer hold.Close()
	token, err := s.box.Gloebit().IssueToken(s.app.Key, "alice", "transact")
	require.NoError(t, err)

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.box.Run(ctx) }()
	answer := s.api(token, http.MethodPost, "/transact", `{"version":1,"id":"t-1","consumer-key":"`+s.app.Key+
		`","asset-code":"song","asset-quantity":1,"gloebit-balance-change":10,"asset-enact-hold-url":"`+hold.URL+
		`/enact","asset-consume-hold-url":"`+hold.URL+`/consume"}`)
	require.Equal(t, true, answer["success"], answer)
	require.Eventually(t, func() bool {
		_, state := keptTransactions(t, file)
		return state == string(gloebittest.StateSettled)
	}, 10*time.Second, 20*time.Millisecond, "the work of the queue is saved without a request")
	stop()
	require.NoError(t, <-ended)
	require.EqualValues(t, 1, enacted.Load())
	require.EqualValues(t, 1, consumed.Load())
	require.Zero(t, unsaved.Load(), "a callback was made before the state that led to it was on disk")
}

func TestConcurrentRequestsAreAllSaved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	s := start(t, sandbox.Config{StateFile: file})
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			resp, err := http.PostForm(s.url+"/create-account", map[string][]string{"name": {"user" + string(rune('a'+i))}})
			if err == nil {
				resp.Body.Close()
			}
		})
	}
	wait.Wait()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, json.Valid(content))
	box, err := sandbox.New(sandbox.Config{StateFile: copyOf(t, file)})
	require.NoError(t, err)
	require.Len(t, box.Gloebit().Users(), 22)
}
