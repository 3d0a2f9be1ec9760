package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// release is the published modules of a repository.
type release struct {
	root    string // the top of the repository
	path    string // of the module there, with which the others' begin
	version string
	modules []published // each after those that it requires
}

// published is a module that is published.
type published struct {
	path string
	dir  string // with slashes, from the top of the repository
}

// load reads the published modules from go.work.
func load(root string) (*release, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	work, err := readWork(root)
	if err != nil {
		return nil, err
	}
	mod, err := readMod(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	r := &release{root: root, path: mod.Module.Mod.Path}
	for _, replace := range work.Replace {
		if r.version == "" {
			r.version = replace.Old.Version
		}
		if replace.Old.Version != r.version {
			return nil, fmt.Errorf("go.work replaces %s at %q, want %q", replace.Old.Path, replace.Old.Version, r.version)
		}
		r.modules = append(r.modules, published{path: replace.Old.Path, dir: path.Clean(replace.New.Path)})
	}
	if len(r.modules) == 0 {
		return nil, errors.New("go.work replaces no module")
	}
	return r, r.sort()
}

// sort puts every module after those that it requires.
func (r *release) sort() error {
	var sorted []published
	for len(r.modules) > 0 {
		ready := slices.IndexFunc(r.modules, func(m published) bool {
			required, err := r.ownRequirements(m)
			return err == nil && !slices.ContainsFunc(r.modules, func(other published) bool {
				return slices.Contains(required, other.path)
			})
		})
		if ready < 0 {
			_, err := r.ownRequirements(r.modules[0])
			return errors.Join(fmt.Errorf("%s: its requirements can't be read, or require it", r.modules[0].path), err)
		}
		sorted = append(sorted, r.modules[ready])
		r.modules = slices.Delete(r.modules, ready, ready+1)
	}
	r.modules = sorted
	return nil
}

// ownRequirements returns the paths of the repository's modules that a module
// requires.
func (r *release) ownRequirements(m published) ([]string, error) {
	mod, err := readMod(r.file(m.dir, "go.mod"))
	if err != nil {
		return nil, err
	}
	var own []string
	for _, require := range mod.Require {
		if r.isOwn(require.Mod.Path) {
			own = append(own, require.Mod.Path)
		}
	}
	return own, nil
}

// isOwn reports whether a module or package is the repository's.
func (r *release) isOwn(modulePath string) bool { return isBelow(modulePath, r.path) }

// isBelow reports whether an import path is top or begins with it.
func isBelow(importPath, top string) bool {
	return importPath == top || strings.HasPrefix(importPath, top+"/")
}

// file returns the path of a file in a module's directory.
func (r *release) file(dir, name string) string {
	return filepath.Join(r.root, filepath.FromSlash(dir), filepath.FromSlash(name))
}

// files returns what git has or would add of a module's directory, relative to
// it, without the modules nested in it.
func (r *release) files(dir string) ([]string, error) {
	output, err := r.git("ls-files", "--cached", "--others", "--exclude-standard", "--", dir)
	if err != nil {
		return nil, err
	}
	var files, nested []string
	for file := range strings.Lines(output) {
		name, err := filepath.Rel(filepath.FromSlash(dir), filepath.FromSlash(strings.TrimSuffix(file, "\n")))
		if err != nil {
			return nil, err
		}
		if _, err := os.Lstat(r.file(dir, name)); errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not committed yet
		}
		files = append(files, filepath.ToSlash(name))
		if below, ok := strings.CutSuffix(filepath.ToSlash(name), "/go.mod"); ok {
			nested = append(nested, below+"/")
		}
	}
	return slices.DeleteFunc(files, func(file string) bool {
		return slices.ContainsFunc(nested, func(below string) bool { return strings.HasPrefix(file, below) })
	}), nil
}

// git runs git at the top of the repository and returns what it prints.
func (r *release) git(args ...string) (string, error) {
	return command(r.root, nil, "git", append([]string{"-c", "core.quotePath=false"}, args...)...)
}

// command runs a program in a directory, with the environment of this process and
// then env, and returns what it prints.
func command(dir string, env []string, name string, args ...string) (string, error) {
	command := exec.Command(name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), env...)
	var failure bytes.Buffer
	command.Stderr = &failure
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(failure.String()))
	}
	return string(output), nil
}

func readMod(file string) (*modfile.File, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(file, text, nil)
}

func readWork(root string) (*modfile.WorkFile, error) {
	file := filepath.Join(root, "go.work")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return modfile.ParseWork(file, text, nil)
}
