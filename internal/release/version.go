package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// set makes version the one under development: in go.work and in every go.mod
// file, published or not. It removes the go.sum lines of the old one.
func (r *release) set(version string) error {
	if semver.Canonical(version) != version {
		return fmt.Errorf("%q is no version like v0.1.0", version)
	}
	work, err := readWork(r.root)
	if err != nil {
		return err
	}
	for _, replace := range work.Replace {
		replace.Syntax.Token[slices.Index(replace.Syntax.Token, replace.Old.Version)] = version
	}
	if err := os.WriteFile(r.file(".", "go.work"), modfile.Format(work.Syntax), 0o644); err != nil {
		return err
	}
	files, err := r.git("ls-files", "go.mod", "*/go.mod")
	if err != nil {
		return err
	}
	for file := range strings.FieldsSeq(files) {
		if err := r.setOne(path.Dir(file), version); err != nil {
			return err
		}
	}
	r.version = version
	return nil
}

// setOne sets the version of the repository's modules in one go.mod file, and
// removes their lines from the go.sum file beside it.
func (r *release) setOne(dir, version string) error {
	mod, err := readMod(r.file(dir, "go.mod"))
	if err != nil {
		return err
	}
	for _, require := range mod.Require {
		if r.isOwn(require.Mod.Path) {
			if err := mod.AddRequire(require.Mod.Path, version); err != nil {
				return err
			}
		}
	}
	text, err := mod.Format()
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(r.file(dir, "go.sum"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if kept := r.withoutOwn(sum); len(kept) != len(sum) {
		if err := os.WriteFile(r.file(dir, "go.sum"), kept, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(r.file(dir, "go.mod"), text, 0o644)
}

// sums returns what the go.sum files of the modules are to be, by their paths.
func (r *release) sums() (sums map[string][]byte, err error) {
	folder, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	return r.pack(folder)
}

// writeSums writes the go.sum lines of the modules themselves.
func (r *release) writeSums() error {
	sums, err := r.sums()
	if err != nil {
		return err
	}
	for _, m := range r.modules {
		if err := os.WriteFile(r.file(m.dir, "go.sum"), sums[m.path], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tags returns the tags of the version, one for each module.
func (r *release) tags() []string {
	var tags []string
	for _, m := range r.modules {
		tags = append(tags, path.Join(m.dir, r.version))
	}
	return tags
}

// committed returns an error if a file is not committed.
func (r *release) committed() error {
	changed, err := r.git("status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("not everything is committed:\n%s", changed)
	}
	return nil
}

// makeTags tags the commit that is checked out. Everything must be committed,
// with the go.sum lines of the modules themselves.
func (r *release) makeTags() error {
	if err := r.check(); err != nil {
		return err
	}
	if err := r.committed(); err != nil {
		return err
	}
	sums, err := r.sums()
	if err != nil {
		return err
	}
	for _, m := range r.modules {
		sum, err := os.ReadFile(r.file(m.dir, "go.sum"))
		if err != nil {
			return err
		}
		if !bytes.Equal(sum, sums[m.path]) {
			return fmt.Errorf("%s/go.sum is not what it has to be: run sums and commit", m.dir)
		}
	}
	for _, tag := range r.tags() {
		if _, err := r.git("tag", tag); err != nil {
			return err
		}
	}
	return nil
}
