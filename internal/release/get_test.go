package main

import (
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// goCommand runs the go command in a directory, with the settings of the machine
// and then those of env, and returns what it prints.
func goCommand(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), env...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "go %s: %s", strings.Join(args, " "), output)
	return strings.TrimSpace(string(output))
}

// TestGet gets every published module from a folder, without a network and with
// a module cache that lacks the modules of the repository. It builds each
// example in a module outside the repository.
func TestGet(t *testing.T) {
	t.Parallel()
	r, err := load(top)
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, r.proxy(folder))
	download(t, r)
	machine := goCommand(t, ".", nil, "env", "GOMODCACHE")
	cache := t.TempDir()
	share(t, machine, cache)
	env := []string{
		"GOMODCACHE=" + cache,
		"GOPROXY=file://" + filepath.ToSlash(folder) + ",file://" + filepath.ToSlash(machine) + "/cache/download,off",
		"GONOSUMDB=*", "GONOSUMCHECK=1", "GOSUMDB=off", "GOPRIVATE=", "GOWORK=off",
		"GOFLAGS=-mod=mod -modcacherw -trimpath", // -trimpath: the build cache has it from the last time
	}
	frameworks := []string{
		"github.com/go-chi/chi/v5", "github.com/gin-gonic/gin", "github.com/labstack/echo/v5", "github.com/gofiber/fiber/v3",
		"github.com/gorilla/sessions", "github.com/gorilla/mux", "github.com/redis/go-redis/v9", "github.com/dghubble/oauth1",
		"github.com/gofrs/flock", "go.opentelemetry.io/otel",
	}
	for dir, framework := range map[string]string{
		".": "", "connect/cli": "github.com/gofrs/flock", "oauth1": "github.com/dghubble/oauth1",
		"stores/redisstore": "github.com/redis/go-redis/v9",
		"adapters/chi":      "github.com/go-chi/chi/v5", "adapters/echo": "github.com/labstack/echo/v5",
		"adapters/fiber": "github.com/gofiber/fiber/v3",
		"adapters/gin":   "github.com/gin-gonic/gin", "adapters/gorilla": "github.com/gorilla/sessions",
		"cmd/gloebit": "github.com/gofrs/flock",
		"otel":        "go.opentelemetry.io/otel",
	} {
		t.Run(path.Join(r.path, dir), func(t *testing.T) {
			t.Parallel()
			shop := t.TempDir()
			goCommand(t, shop, env, "mod", "init", "shop.example")
			t.Log(goCommand(t, shop, env, "get", path.Join(r.path, dir)+"@"+r.version))
			from, to := path.Join(top, dir, "example_test.go"), "example_test.go"
			build := []string{"test", "-vet=off", "-run", "^$", "."}
			switch dir {
			case ".":
				from, to = top+"/examples/minimal/main.go", "main.go"
				build = []string{"build", "-ldflags=-w", "-o", os.DevNull, "."}
			case "cmd/gloebit": // a program, which has no example
				from, to = path.Join(top, dir, "README.md"), "README.md"
				build = []string{"build", "-ldflags=-w", "-o", os.DevNull, path.Join(r.path, dir)}
			}
			source, err := os.ReadFile(filepath.FromSlash(from))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(shop, to), source, 0o644))
			t.Log(goCommand(t, shop, env, build...))
			for _, mod := range []string{filepath.Join(shop, "go.mod"), r.file(dir, "go.mod")} {
				parsed, err := readMod(mod)
				require.NoError(t, err)
				required := []string{}
				for _, one := range parsed.Require {
					if slices.Contains(frameworks, one.Mod.Path) {
						required = append(required, one.Mod.Path)
					}
				}
				require.Equal(t, strings.Fields(framework), required, "its own framework, and no other")
			}
		})
	}
	require.Len(t, r.modules, 11)
}

// share links the modules of others from one module cache into another.
func share(t *testing.T, from, to string) {
	t.Helper()
	for _, dir := range []string{"", "github.com", "cache/download", "cache/download/github.com"} {
		require.NoError(t, os.MkdirAll(filepath.Join(to, dir), 0o755))
		entries, err := os.ReadDir(filepath.Join(from, dir))
		require.NoError(t, err)
		for _, entry := range entries {
			if name := entry.Name(); !slices.Contains([]string{"cache", "github.com", "go-gloebit"}, name) {
				require.NoError(t, os.Symlink(filepath.Join(from, dir, name), filepath.Join(to, dir, name)))
			}
		}
	}
}

// download puts what the published modules require into the module cache of the
// machine.
func download(t *testing.T, r *release) {
	t.Helper()
	for _, m := range r.modules {
		mod, err := readMod(r.file(m.dir, "go.mod"))
		require.NoError(t, err)
		for _, require := range slices.Clone(mod.Require) {
			if r.isOwn(require.Mod.Path) {
				_ = mod.DropRequire(require.Mod.Path) // always nil
			}
		}
		text, err := mod.Format()
		require.NoError(t, err)
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), text, 0o644))
		goCommand(t, dir, []string{"GOWORK=off", "GOFLAGS=-mod=mod"}, "mod", "download")
	}
}
