package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// cyclonedx writes the software bills of materials.
const cyclonedx = "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0"

// platforms are those of the released binaries.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"}

// build writes the commands' binaries for each platform, a software bill of
// materials of each binary, and the SHA-256 sums of them all into a folder. The
// commit that is checked out must have the tags of the version. The binaries are
// those that "go install" makes of the tagged commands.
func (r *release) build(folder string, platforms []string) (err error) {
	if err := r.committed(); err != nil {
		return err
	}
	tags, err := r.git("tag", "--points-at", "HEAD")
	if err != nil {
		return err
	}
	for _, tag := range r.tags() {
		if !slices.Contains(strings.Fields(tags), tag) {
			return fmt.Errorf("the commit does not have the tag %s: run tags -make", tag)
		}
	}
	folder, err = filepath.Abs(folder)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if old, err := os.ReadDir(folder); err != nil || len(old) > 0 {
		return errors.Join(err, fmt.Errorf("%s has files already: give an empty folder", folder))
	}
	temporary, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	if _, err := command(temporary, []string{"GOWORK=off", "GOBIN=" + temporary}, "go", "install", cyclonedx); err != nil {
		return err
	}
	env, err := r.proxyEnv(temporary)
	if err != nil {
		return err
	}
	commands, err := filepath.Glob(r.file("cmd", "*"))
	if err != nil {
		return err
	}
	var sums []byte
	for _, platform := range platforms {
		for _, name := range commands {
			binary, err := r.install(temporary, env, path.Join("cmd", filepath.Base(name)), platform, folder)
			if err != nil {
				return err
			}
			bill := binary + ".cdx.json"
			if _, err := command(folder, nil, filepath.Join(temporary, "cyclonedx-gomod"), "bin",
				"-json", "-std", "-noserial", "-notimestamp", "-output", bill, binary); err != nil {
				return err
			}
			for _, file := range []string{binary, bill} {
				content, err := os.ReadFile(filepath.Join(folder, file))
				if err != nil {
					return err
				}
				sums = fmt.Appendf(sums, "%x  %s\n", sha256.Sum256(content), file)
			}
		}
	}
	return os.WriteFile(filepath.Join(folder, "SHA256SUMS"), sums, 0o644)
}

// proxyEnv packs the modules, and returns the environment in which the go command
// gets them and installs commands below the folder.
func (r *release) proxyEnv(folder string) ([]string, error) {
	if err := r.proxy(filepath.Join(folder, "proxy")); err != nil {
		return nil, err
	}
	machine, err := command(folder, nil, "go", "env", "GOMODCACHE", "GOPROXY")
	if err != nil {
		return nil, err
	}
	cache, proxies, _ := strings.Cut(strings.TrimSpace(machine), "\n")
	return []string{
		"GOPATH=" + filepath.Join(folder, "go"), "GOBIN=", "GOMODCACHE=", "GOWORK=off", "CGO_ENABLED=0",
		"GOPROXY=file://" + filepath.ToSlash(folder) + "/proxy," +
			"file://" + filepath.ToSlash(cache) + "/cache/download," + proxies,
		"GONOSUMDB=" + r.path, "GOFLAGS=-trimpath -modcacherw",
	}, nil
}

// install installs a command for a platform and copies it to the folder. It
// returns the name of the copy, which tells the version and the platform.
func (r *release) install(temporary string, env []string, dir, platform, folder string) (string, error) {
	goos, goarch, _ := strings.Cut(platform, "/")
	env = append(slices.Clip(env), "GOOS="+goos, "GOARCH="+goarch)
	if _, err := command(temporary, env, "go", "install", path.Join(r.path, dir)+"@"+r.version); err != nil {
		return "", err
	}
	bin, suffix := filepath.Join(temporary, "go", "bin"), ""
	if goos != runtime.GOOS || goarch != runtime.GOARCH {
		bin = filepath.Join(bin, goos+"_"+goarch)
	}
	if goos == "windows" {
		suffix = ".exe"
	}
	content, err := os.ReadFile(filepath.Join(bin, path.Base(dir)+suffix))
	if err != nil {
		return "", err
	}
	binary := strings.Join([]string{path.Base(dir), r.version, goos, goarch}, "_") + suffix
	return binary, os.WriteFile(filepath.Join(folder, binary), content, 0o755)
}
