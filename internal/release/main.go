// Release packs, versions and tags the modules that are published together.
//
//	go run ./internal/release proxy DIR     pack every module into DIR, for GOPROXY=file://DIR
//	go run ./internal/release check         check that every module can be got
//	go run ./internal/release set VERSION   set the version in every go.mod and in go.work
//	go run ./internal/release sums          write the go.sum lines of the modules themselves
//	go run ./internal/release apidiff       print incompatible changes since the last release
//	go run ./internal/release tags [-make]  print the tags of the version, or make them
//	go run ./internal/release build DIR     build the commands, with bills of materials and SHA-256 sums
//
// It runs at the top of the repository. The published modules are those that
// go.work replaces, and their version is the one that it replaces.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

func main() {
	if err := run(".", os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(root string, args []string) error {
	modules, err := load(root)
	if err != nil {
		return err
	}
	switch command := strings.Join(args, " "); {
	case len(args) == 2 && args[0] == "proxy":
		return modules.proxy(args[1])
	case command == "check":
		return modules.check()
	case len(args) == 2 && args[0] == "set":
		return modules.set(args[1])
	case command == "sums":
		return modules.writeSums()
	case command == "apidiff":
		return modules.apiDiff(os.Stdout)
	case command == "tags":
		fmt.Println(strings.Join(modules.tags(), "\n"))
		return nil
	case command == "tags -make":
		return modules.makeTags()
	case len(args) == 2 && args[0] == "build":
		return modules.build(args[1], platforms)
	}
	return errors.New("want proxy DIR, check, set VERSION, sums, apidiff, tags, tags -make or build DIR")
}
