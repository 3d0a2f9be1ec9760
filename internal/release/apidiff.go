package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/mod/semver"
	"golang.org/x/tools/go/packages"
)

// apiDiff prints the incompatible changes to the exported API since the last
// release. It returns an error if the version under development must not have
// them.
func (r *release) apiDiff(out io.Writer) (err error) {
	last, err := r.lastRelease()
	if err != nil {
		return err
	}
	if last == "" {
		_, err := fmt.Fprintln(out, "there is no release to compare with: no tag v* is an ancestor of this commit")
		return err
	}
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := r.git("clone", "--quiet", "--shared", "--branch", last, r.root, dir); err != nil {
		return err
	}
	released, err := load(dir)
	if err != nil {
		return err
	}
	before, err := released.exported()
	if err != nil {
		return err
	}
	now, err := r.exported()
	if err != nil {
		return err
	}
	incompatible := 0
	for _, m := range released.modules {
		current, ok := now[m.path]
		if !ok {
			current = &apidiff.Module{Path: m.path}
		}
		for _, change := range apidiff.ModuleChanges(before[m.path], current).Changes {
			if !change.Compatible {
				incompatible++
				if _, err := fmt.Fprintf(out, "%s: %s\n", m.path, change.Message); err != nil {
					return err
				}
			}
		}
	}
	if incompatible > 0 && !mayBreak(r.version, last) {
		return fmt.Errorf("%s must stay compatible with %s: undo the changes, or set a version that may have them",
			r.version, last)
	}
	_, err = fmt.Fprintf(out, "incompatible changes from %s to %s: %d\n", last, r.version, incompatible)
	return err
}

// lastRelease returns the newest released version that this commit descends from.
// It is empty if there is none.
func (r *release) lastRelease() (string, error) {
	tags, err := r.git("tag", "--list", "v*", "--merged")
	if err != nil {
		return "", err
	}
	released := slices.DeleteFunc(strings.Fields(tags), func(tag string) bool {
		return !semver.IsValid(tag) || semver.Prerelease(tag) != ""
	})
	if len(released) == 0 {
		return "", r.checkUnreleased()
	}
	return slices.MaxFunc(released, semver.Compare), nil
}

// checkUnreleased returns an error if the changelog names an earlier version,
// whose tag a shallow clone does not have.
func (r *release) checkUnreleased() error {
	text, err := os.ReadFile(r.file(".", "CHANGELOG.md"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, heading := range regexp.MustCompile(`(?m)^## \[?v?(\d+\.\d+\.\d+)`).FindAllStringSubmatch(string(text), -1) {
		if earlier := "v" + heading[1]; earlier != r.version {
			return fmt.Errorf("%s is released, but has no tag here: run git fetch --unshallow --tags", earlier)
		}
	}
	return err
}

// mayBreak reports whether semantic versioning lets a version be incompatible
// with the last one.
func mayBreak(version, last string) bool {
	if semver.Major(version) == "v0" {
		return semver.MajorMinor(version) != semver.MajorMinor(last)
	}
	return semver.Major(version) != semver.Major(last)
}

// exported returns the packages of each module that applications can import, by
// the path of the module.
func (r *release) exported() (map[string]*apidiff.Module, error) {
	api := map[string]*apidiff.Module{}
	var patterns []string
	for _, m := range r.modules {
		api[m.path] = &apidiff.Module{Path: m.path}
		patterns = append(patterns, "./"+m.dir+"/...")
	}
	loaded, err := packages.Load(&packages.Config{
		Mode:       packages.NeedName | packages.NeedTypes,
		Dir:        r.root,
		Env:        append(os.Environ(), "GOWORK="+filepath.Join(r.root, "go.work")),
		BuildFlags: []string{"-trimpath"}, // the build cache has the last release from the last time
	}, patterns...)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, p := range loaded {
		for _, problem := range p.Errors {
			problems = append(problems, problem)
		}
		if m := api[r.moduleOf(p.PkgPath)]; p.Name != "main" && !isInternal(p.PkgPath) {
			m.Packages = append(m.Packages, p.Types)
		}
	}
	return api, errors.Join(problems...)
}
