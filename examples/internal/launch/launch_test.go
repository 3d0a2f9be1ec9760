package launch_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

// built returns a Build that stores its settings in to, and serves one page.
func built(to *launch.Settings) launch.Build {
	return func(s launch.Settings) (launch.Shop, error) {
		*to = s
		return launch.Shop{Handler: http.HandlerFunc(
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "open") },
		)}, nil
	}
}

// run runs a shop with the flags until see has seen its output.
func run(t *testing.T, settings *launch.Settings, see func(output string), args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := launch.Run(ctx, args, in, t.Output(), built(settings))
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	output := make([]byte, 4096)
	n, err := out.Read(output)
	require.NoError(t, err)
	see(string(output[:n]))
	stop()
	require.NoError(t, <-ended)
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

func TestPortsAreReleased(t *testing.T) {
	var s launch.Settings
	var addresses []string
	run(t, &s, func(output string) {
		lines := strings.Split(strings.TrimSpace(output), "\n")
		require.Len(t, lines, 3)
		require.Equal(t, "kept in: memory", lines[2])
		shop, _ := strings.CutPrefix(lines[0], "shop: ")
		sandbox, _ := strings.CutPrefix(lines[1], "sandbox: ")
		require.Equal(t, s.URL, shop)
		require.Equal(t, "open", get(t, shop))
		require.Contains(t, get(t, sandbox), "Gloebit")
		require.Equal(t, sandbox+"/", s.Provider.APIURL)
		require.Equal(t, sandbox+"/account", s.Provider.AccountURL)
		require.True(t, s.Provider.PKCE)
		require.NotEmpty(t, s.ClientID)
		require.NotEmpty(t, s.ClientSecret)
		addresses = []string{strings.TrimPrefix(shop, "http://"), strings.TrimPrefix(sandbox, "http://")}
	}, "-addr", "127.0.0.1:0", "-sandbox-addr", "127.0.0.1:0", "-db", "")
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		require.NoError(t, err)
		require.NoError(t, listener.Close())
	}
}

func TestARealGloebitNeedsNoSandbox(t *testing.T) {
	t.Setenv("GLOEBIT_CLIENT_ID", "key")
	t.Setenv("GLOEBIT_CLIENT_SECRET", "secret")
	for name, want := range map[string]gloebit.Provider{
		"production":               gloebit.Production(),
		"sandbox":                  gloebit.Sandbox(),
		"https://gloebit.example/": gloebit.ProviderAt("https://gloebit.example/"),
	} {
		t.Run(name, func(t *testing.T) {
			var s launch.Settings
			run(t, &s, func(output string) {
				require.Equal(t, "shop: https://shop.example\nkept in: memory\n", output)
				require.Equal(t, "https://shop.example", s.URL)
				require.Equal(t, want, s.Provider)
				require.Equal(t, "key", s.ClientID)
				require.Equal(t, "secret", s.ClientSecret.Reveal())
			}, "-addr", "127.0.0.1:0", "-gloebit", name, "-url", "https://shop.example/", "-db", "")
		})
	}
}

func TestDatabaseFileKeepsEverything(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	var first, second launch.Settings
	for _, s := range []*launch.Settings{&first, &second} {
		run(t, s, func(output string) {
			require.Contains(t, output, "kept in: "+file+"\n")
		}, "-addr", "127.0.0.1:0", "-sandbox-addr", "127.0.0.1:0", "-db", file)
	}
	require.Equal(t, first.ClientID, second.ClientID, "the sandbox keeps its application")
	require.Equal(t, first.ClientSecret, second.ClientSecret)
	require.Equal(t, first.Books.Keys, second.Books.Keys)
	require.Error(t, second.Books.DB().PingContext(t.Context()), "closed with the shop")
	files, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, files, 3, "the books, their keys and the sandbox's file, and nothing left over")
}

func TestWildcardListenerUsesLoopbackURL(t *testing.T) {
	var s launch.Settings
	run(t, &s, func(string) {
		require.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.URL)
	}, "-addr", ":0", "-sandbox-addr", "127.0.0.1:0", "-db", "")
}

func TestFailedStartExplainsAndCleansUp(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	t.Setenv("GLOEBIT_CLIENT_ID", "")
	t.Setenv("GLOEBIT_CLIENT_SECRET", "secret")
	free := []string{"-addr", "127.0.0.1:0", "-sandbox-addr", "127.0.0.1:0", "-db", ""}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"an unknown flag":             {[]string{"-moon"}, "-moon"},
		"an argument":                 {[]string{"moon"}, `unexpected argument "moon"`},
		"a public URL without scheme": {[]string{"-url", "shop.example"}, "-url"},
		"a public URL with a path":    {[]string{"-url", "https://shop.example/hats"}, "-url"},
		"a port that is taken": {
			[]string{"-addr", taken.Addr().String(), "-db", ""}, "address already in use: name another address with -addr",
		},
		"a sandbox port that is taken": {
			[]string{"-addr", "127.0.0.1:0", "-sandbox-addr", taken.Addr().String(), "-db", ""},
			"address already in use: name another address with -sandbox-addr",
		},
		"a database that can't be": {
			append(free[:4:4], "-db", filepath.Join(t.TempDir(), "no", "such", "folder")), "no such file",
		},
		"no key in the environment": {append(free, "-gloebit", "production"), "GLOEBIT_CLIENT_ID"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := launch.Run(context.Background(), c.args, &out, io.Discard, built(new(launch.Settings)))
			require.ErrorContains(t, err, c.want)
			require.Empty(t, out.String())
		})
	}
	t.Run("a shop that can't be built", func(t *testing.T) {
		broken := errors.New("no hats")
		err := launch.Run(
			context.Background(), free, io.Discard, io.Discard,
			func(launch.Settings) (launch.Shop, error) { return launch.Shop{}, broken },
		)
		require.ErrorIs(t, err, broken)
	})
	t.Run("an output that is closed", func(t *testing.T) {
		broken := errors.New("closed")
		require.ErrorIs(
			t, launch.Run(context.Background(), free, errWriter{broken}, io.Discard, built(new(launch.Settings))), broken,
		)
	})
	t.Run("help", func(t *testing.T) {
		var usage strings.Builder
		err := launch.Run(context.Background(), []string{"-h"}, io.Discard, &usage, built(new(launch.Settings)))
		require.ErrorIs(t, err, flag.ErrHelp)
		require.Contains(t, usage.String(), "-sandbox-addr")
	})
}

type errWriter struct{ err error }

func (w errWriter) Write([]byte) (int, error) { return 0, w.err }
