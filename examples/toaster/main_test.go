package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/servers/blotre/blotretest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("TOASTER_TEST_RUN") != "" { // a toaster in a process of its own
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	registerPath = "/v0/oauth2/disposable"
	tokenPath    = "/v0/oauth2/access_token"
)

// kitchen is a Blot're, and the directory of the toasters.
type kitchen struct {
	blotre *blotretest.Server
	ann    blotretest.User
	url    string
	dir    string
}

func newKitchen(t *testing.T) *kitchen {
	t.Helper()
	k := &kitchen{blotre: blotretest.New(nil), dir: filepath.Join(t.TempDir(), "toaster")}
	k.ann = k.blotre.AddUser("Ann")
	server := httptest.NewServer(k.blotre)
	t.Cleanup(server.Close)
	k.url = server.URL
	return k
}

// process is a toaster that runs.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Reader
}

func (k *kitchen) start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{"-address", k.url, "-dir", k.dir}, args...)...)
	cmd.Env = append(os.Environ(), "TOASTER_TEST_RUN=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return &process{cmd, stdin, bufio.NewReader(stdout)}
}

// line returns the next line of the toaster's output.
func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.lines.ReadString('\n')
	require.NoError(t, err, line)
	return strings.TrimSpace(line)
}

var codeOf = regexp.MustCompile(`code (\w{8}) at`)

// code returns the code that the toaster shows next.
func (p *process) code(t *testing.T) string {
	t.Helper()
	line := p.line(t)
	match := codeOf.FindStringSubmatch(line)
	require.NotNil(t, match, line)
	return match[1]
}

func (p *process) enter(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(p.stdin, "\n")
	require.NoError(t, err)
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	require.Error(t, p.cmd.Wait())
}

func (p *process) done(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Wait())
}

func (k *kitchen) count(path string) int { return len(k.blotre.Requests(path)) }

// TestToaster runs toasters as processes, and kills some.
func TestToaster(t *testing.T) {
	t.Run("posts, and finds its login again", func(t *testing.T) {
		k := newKitchen(t)
		first := k.start(t)
		require.True(t, k.blotre.Redeem(k.ann, first.code(t)))
		first.enter(t)
		require.Equal(t, "ann/toaster: created with #ff8800", first.line(t))
		first.done(t)

		second := k.start(t, "-color", "#112233")
		require.Equal(t, "ann/toaster: set #112233", second.line(t))
		second.done(t)
		require.Equal(t, 1, k.count(registerPath))
		require.Equal(t, 1, k.count(tokenPath))
	})
	t.Run("killed between register and redeem", func(t *testing.T) {
		k := newKitchen(t)
		first := k.start(t)
		code := first.code(t)
		first.kill(t)

		second := k.start(t)
		require.Equal(t, code, second.code(t))
		require.True(t, k.blotre.Redeem(k.ann, code))
		second.enter(t)
		require.Equal(t, "ann/toaster: created with #ff8800", second.line(t))
		second.done(t)
		require.Equal(t, 1, k.count(registerPath))
	})
	t.Run("killed between redeem and exchange", func(t *testing.T) {
		k := newKitchen(t)
		first := k.start(t)
		asked := make(chan struct{})
		k.blotre.Inject(tokenPath, 1, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				close(asked)
				<-r.Context().Done() // the exchange never arrives
			})
		})
		require.True(t, k.blotre.Redeem(k.ann, first.code(t)))
		first.enter(t)
		<-asked
		first.kill(t)

		second := k.start(t)
		require.Equal(t, "ann/toaster: created with #ff8800", second.line(t), "no user is asked")
		second.done(t)
		require.Equal(t, 1, k.count(registerPath))
	})
	t.Run("started twice at once", func(t *testing.T) {
		k := newKitchen(t)
		first, second := k.start(t), k.start(t, "-stream", "Other")
		code := first.code(t)
		require.Equal(t, code, second.code(t))
		require.True(t, k.blotre.Redeem(k.ann, code))
		first.enter(t)
		second.enter(t)
		require.Equal(t, "ann/toaster: created with #ff8800", first.line(t))
		require.Equal(t, "ann/other: created with #ff8800", second.line(t))
		first.done(t)
		second.done(t)
		require.Equal(t, 1, k.count(registerPath))

		third := k.start(t)
		require.Equal(t, "ann/toaster: set #ff8800", third.line(t))
		third.done(t)
		require.Equal(t, 1, k.count(registerPath))
	})
	t.Run("refused login makes a new one", func(t *testing.T) {
		k := newKitchen(t)
		first := k.start(t)
		code := first.code(t)
		require.True(t, k.blotre.Redeem(k.ann, code))
		first.enter(t)
		first.line(t)
		first.done(t)
		k.blotre.Revoke(k.ann)
		second := k.start(t)
		require.NotEqual(t, code, second.code(t))
		second.kill(t)
	})
	t.Run("input ends", func(t *testing.T) {
		k := newKitchen(t)
		var out strings.Builder
		err := run(t.Context(), []string{"-address", k.url, "-dir", k.dir}, strings.NewReader(""), &out)
		require.ErrorContains(t, err, "the input ended")
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
}
