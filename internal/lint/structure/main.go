// Structure reports where packages of this repository are not built as planned:
// an import that does not point down, a circle of too many files, a long file.
//
// Usage, from the top of the repository:
//
//	go run ./internal/lint/structure work
//
// For each package whose circles are bounded it prints the number of its files
// and lines, and the files of its largest circle.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	log.SetFlags(0)
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax}, os.Args[1:]...)
	if err != nil {
		log.Fatal(err)
	}
	if packages.PrintErrors(loaded) > 0 {
		os.Exit(1)
	}
	var faults []string
	for _, p := range loaded {
		m := measure(p)
		if bounded(m.path) {
			fmt.Println(m)
		}
		faults = append(faults, m.faults()...)
	}
	if len(faults) > 0 {
		log.Fatal(strings.Join(slices.Sorted(slices.Values(faults)), "\n"))
	}
}
