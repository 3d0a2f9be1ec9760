package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/connect/cli"
	"github.com/go-gloebit/gloebit/storetest"
	"github.com/stretchr/testify/require"
)

func TestTokenStore(t *testing.T) {
	newStore := func(t *testing.T) connect.TokenStore {
		return &cli.FileStore{Dir: filepath.Join(t.TempDir(), "logins")}
	}
	storetest.RunTokenStore(t, newStore)
	storetest.RunUsersApart(t, newStore)
}

var ann = connect.Key{Realm: "server.example/app", ID: "ann"}

func saving(token string) func(context.Context, *connect.Credential) (*connect.Credential, error) {
	return func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: connect.Secret(token), TokenExpiry: time.Now()}, nil
	}
}

// saved returns a store with Ann's credential, and its file.
func saved(t *testing.T) (*cli.FileStore, string) {
	t.Helper()
	store := &cli.FileStore{Dir: filepath.Join(t.TempDir(), "logins")}
	require.NoError(t, store.Update(t.Context(), ann, saving("access-token")))
	files, err := filepath.Glob(filepath.Join(store.Dir, "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	return store, files[0]
}

func TestFiles(t *testing.T) {
	t.Run("modes", func(t *testing.T) {
		store, file := saved(t)
		entries, err := os.ReadDir(store.Dir)
		require.NoError(t, err)
		require.Len(t, entries, 2, "the credential and its lock")
		for _, entry := range entries {
			info, err := entry.Info()
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
		}
		info, err := os.Stat(store.Dir)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
		require.Contains(t, filepath.Base(file), "server.example_app_ann-")
	})
	t.Run("old draft is replaced", func(t *testing.T) {
		store, file := saved(t)
		require.NoError(t, os.WriteFile(file+".new", []byte("half"), 0o644))
		require.NoError(t, store.Update(t.Context(), ann, saving("second")))
		credential, err := store.Load(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, connect.Secret("second"), credential.AccessToken)
		require.NoFileExists(t, file+".new")
	})
	t.Run("Format", func(t *testing.T) {
		store, _ := saved(t)
		require.Equal(t, "cli.FileStore("+store.Dir+")", fmt.Sprintf("%+v", store))
		require.True(t, store.PlainAtRest())
	})
	t.Run("user's directory", func(t *testing.T) {
		t.Setenv("XDG_CONFIG_HOME", t.TempDir())
		t.Setenv("HOME", t.TempDir())
		store, err := cli.UserStore("toaster")
		require.NoError(t, err)
		require.Equal(t, "toaster", filepath.Base(store.Dir))
		for _, program := range []string{"", ".", "..", "a/b"} {
			_, err := cli.UserStore(program)
			require.ErrorIs(t, err, connect.ErrInvalidRequest)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		require.ErrorIs(t, new(cli.FileStore).Update(t.Context(), ann, saving("a")), connect.ErrInvalidRequest)
	})
}

// TestRefusedFiles checks that an unusable file causes a clear error and is not
// changed.
func TestRefusedFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing")
	}
	other := connect.Key{Realm: "other.example/app", ID: "ann"}
	for name, test := range map[string]struct {
		spoil func(t *testing.T, store *cli.FileStore, file string)
		text  string
	}{
		"group can read": {
			func(t *testing.T, _ *cli.FileStore, file string) { require.NoError(t, os.Chmod(file, 0o640)) }, "chmod 600",
		},
		"others can read": {
			func(t *testing.T, _ *cli.FileStore, file string) { require.NoError(t, os.Chmod(file, 0o604)) }, "chmod 600",
		},
		"others can write to the directory": {
			func(t *testing.T, s *cli.FileStore, _ string) { require.NoError(t, os.Chmod(s.Dir, 0o777)) }, "chmod 700",
		},
		"cut off": {func(t *testing.T, _ *cli.FileStore, file string) {
			whole, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, whole[:len(whole)/2], 0o600))
		}, "was cut off"},
		"empty": {
			func(t *testing.T, _ *cli.FileStore, file string) { require.NoError(t, os.WriteFile(file, nil, 0o600)) },
			"was cut off",
		},
		"other content": {func(t *testing.T, _ *cli.FileStore, file string) {
			require.NoError(t, os.WriteFile(file, []byte(`{"a":"canary"}`), 0o600))
		}, "something else"},
		"newer version": {func(t *testing.T, _ *cli.FileStore, file string) {
			body := `{"realm":"server.example/app","id":"ann","credential":{"credential":99}}`
			require.NoError(t, os.WriteFile(file, []byte(body), 0o600))
		}, "remove it"},
		"too long": {func(t *testing.T, _ *cli.FileStore, file string) {
			require.NoError(t, os.WriteFile(file, []byte(`"`+strings.Repeat("a", 2<<20)+`"`), 0o600))
		}, "something else"},
		"another server's": {func(t *testing.T, s *cli.FileStore, file string) {
			require.NoError(t, s.Update(t.Context(), other, saving("other-token")))
			files, err := filepath.Glob(filepath.Join(s.Dir, "other*.json"))
			require.NoError(t, err)
			require.NoError(t, os.Rename(files[0], file))
		}, `holds the login of "ann" at "other.example/app", not of "ann" at "server.example/app"`},
		"directory": {func(t *testing.T, _ *cli.FileStore, file string) {
			require.NoError(t, os.Remove(file))
			require.NoError(t, os.Mkdir(file, 0o700))
		}, "no regular file"},
		"symbolic link": {func(t *testing.T, _ *cli.FileStore, file string) {
			require.NoError(t, os.Rename(file, file+"-moved"))
			require.NoError(t, os.Symlink(file+"-moved", file))
		}, "no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			store, file := saved(t)
			test.spoil(t, store, file)
			before, beforeErr := os.ReadFile(file)
			for call, err := range map[string]error{
				"Load":   errOf(store.Load(t.Context(), ann)),
				"Update": store.Update(t.Context(), ann, saving("new")),
				"Delete": store.Delete(t.Context(), ann),
			} {
				require.ErrorIs(t, err, cli.ErrFile, call)
				require.ErrorContains(t, err, test.text)
				require.NotContains(t, err.Error(), "token")
				require.NotContains(t, err.Error(), "canary")
			}
			after, afterErr := os.ReadFile(file)
			require.Equal(t, before, after)
			require.Equal(t, beforeErr == nil, afterErr == nil)
		})
	}
	t.Run("directory is a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.Error(t, (&cli.FileStore{Dir: path}).Update(t.Context(), ann, saving("a")))
	})
}

func errOf(_ connect.Credential, err error) error { return err }

// updateInChild adds one to the number in the credential's Subject, many times,
// in a process of its own.
func updateInChild(dir string) int {
	store := &cli.FileStore{Dir: dir}
	for range 25 {
		err := store.Update(context.Background(), ann, func(
			_ context.Context, current *connect.Credential,
		) (*connect.Credential, error) {
			if current == nil {
				current = new(connect.Credential)
			}
			n, _ := strconv.Atoi(current.Subject)
			current.Subject = strconv.Itoa(n + 1)
			return current, nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

func TestProcesses(t *testing.T) {
	t.Run("lose no update", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "logins")
		done := make(chan error, 4)
		for range cap(done) {
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), "CLI_TEST_UPDATE="+dir)
			child.Stderr = os.Stderr
			go func() { done <- child.Run() }()
		}
		require.NoError(t, errors.Join(<-done, <-done, <-done, <-done))
		credential, err := (&cli.FileStore{Dir: dir}).Load(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, "100", credential.Subject)
	})
	t.Run("wait for each other", func(t *testing.T) {
		store, _ := saved(t)
		another := &cli.FileStore{Dir: store.Dir} // as another process
		err := store.Update(t.Context(), ann, func(
			ctx context.Context, current *connect.Credential,
		) (*connect.Credential, error) {
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			return current, another.Update(ctx, ann, saving("b"))
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, another.Update(t.Context(), ann, saving("b")))
	})
}

func writeFile(path, body string) error { return os.WriteFile(path, []byte(body), 0o600) }
