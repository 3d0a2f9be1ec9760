package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

// proxy packs every module into the folder, in the layout that GOPROXY=file://
// reads. The packed go.sum files have the lines of the modules themselves.
func (r *release) proxy(folder string) error {
	_, err := r.pack(folder)
	return err
}

// pack packs every module into the folder and returns the packed go.sum files, by
// the path of the module.
func (r *release) pack(folder string) (sums map[string][]byte, err error) {
	staging, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	sums = map[string][]byte{}
	var lines []string // of the modules packed so far
	for i, m := range r.modules {
		sum, err := r.goSum(m, lines)
		if err != nil {
			return nil, err
		}
		sums[m.path] = sum
		staged := filepath.Join(staging, fmt.Sprint(i))
		if err := os.WriteFile(staged, sum, 0o644); err != nil {
			return nil, err
		}
		added, err := r.packOne(folder, m, staged)
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", m.path, err)
		}
		lines = append(lines, added...)
	}
	return sums, nil
}

// goSum returns a module's go.sum file with those of the lines that it needs.
func (r *release) goSum(m published, lines []string) ([]byte, error) {
	text, err := os.ReadFile(r.file(m.dir, "go.sum"))
	if err != nil {
		return nil, err
	}
	required, err := r.ownRequirements(m)
	if err != nil {
		return nil, err
	}
	all := strings.SplitAfter(string(r.withoutOwn(text)), "\n")
	for _, line := range lines {
		if modulePath, _, _ := strings.Cut(line, " "); slices.Contains(required, modulePath) {
			all = append(all, line+"\n")
		}
	}
	return []byte(strings.Join(bySum(all), "")), nil
}

// bySum sorts the lines of a go.sum file as the go command does.
func bySum(lines []string) []string {
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	slices.SortStableFunc(lines, func(a, b string) int {
		pathA, versionA, ofModA := readSum(a)
		pathB, versionB, ofModB := readSum(b)
		return cmp.Or(
			strings.Compare(pathA, pathB), semver.Compare(versionA, versionB), strings.Compare(ofModA, ofModB))
	})
	return lines
}

// readSum returns what a line of a go.sum file is about. Suffix is empty, or
// "go.mod" when it is about that file alone.
func readSum(line string) (modulePath, version, suffix string) {
	modulePath, rest, _ := strings.Cut(line, " ")
	version, _, _ = strings.Cut(rest, " ")
	version, suffix, _ = strings.Cut(version, "/")
	return modulePath, version, suffix
}

// withoutOwn returns the go.sum file without the lines of the repository's modules.
func (r *release) withoutOwn(sum []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(sum) {
		if modulePath, _, _ := strings.Cut(string(line), " "); !r.isOwn(modulePath) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// packOne packs a module with a go.sum file, and returns the lines about it.
func (r *release) packOne(folder string, m published, sum string) (lines []string, err error) {
	escaped, err := module.EscapePath(m.path)
	if err != nil {
		return nil, err
	}
	base := filepath.Join(folder, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return nil, err
	}
	mod, err := os.ReadFile(r.file(m.dir, "go.mod"))
	if err != nil {
		return nil, err
	}
	info, err := json.Marshal(map[string]string{"Version": r.version})
	if err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{
		"list": []byte(r.version + "\n"), r.version + ".info": info, r.version + ".mod": mod,
	} {
		if err := os.WriteFile(filepath.Join(base, name), content, 0o644); err != nil {
			return nil, err
		}
	}
	packed := filepath.Join(base, r.version+".zip")
	if err := r.zip(packed, m, sum); err != nil {
		return nil, err
	}
	whole, err := dirhash.HashZip(packed, dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	alone, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(mod)), nil
	})
	return []string{
		fmt.Sprintf("%s %s %s", m.path, r.version, whole),
		fmt.Sprintf("%s %s/go.mod %s", m.path, r.version, alone),
	}, err
}

// zip writes a module's zip file, with the go.sum file at sum.
func (r *release) zip(to string, m published, sum string) (err error) {
	names, err := r.files(m.dir)
	if err != nil {
		return err
	}
	var files []zip.File
	for _, name := range names {
		from := r.file(m.dir, name)
		if name == "go.sum" {
			from = sum
		}
		files = append(files, file{name, from})
	}
	if !slices.Contains(names, "LICENSE") { // the go command takes that of the repository
		files = append(files, file{"LICENSE", r.file(".", "LICENSE")})
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return zip.Create(f, module.Version{Path: m.path, Version: r.version}, files)
}

// file is a file of a module, and where it is read from.
type file struct{ name, from string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (os.FileInfo, error)  { return os.Lstat(f.from) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.from) }
