// Package mount tells adapters of web frameworks where the handlers of a
// merchant belong.
package mount

import (
	"path"
	"strings"

	"github.com/go-gloebit/gloebit"
)

// Steps returns the last segments of the handlers' paths.
func Steps(m *gloebit.Merchant) []string {
	connect, callback, disconnect := m.Paths()
	return []string{path.Base(connect), path.Base(callback), path.Base(disconnect)}
}

// Directories returns the paths at which a router may have to route the
// merchant's handlers: their directory as browsers see it, and what is left of
// it when the segments at its front, one by one, were taken off by whatever the
// router is mounted in. Each begins with a slash, and only "/" ends with one.
func Directories(m *gloebit.Merchant) []string {
	connect, _, _ := m.Paths()
	directory := path.Dir(connect)
	all := []string{directory}
	for {
		next := strings.IndexByte(directory[1:], '/')
		if next < 0 {
			return all
		}
		directory = directory[1+next:]
		all = append(all, directory)
	}
}
