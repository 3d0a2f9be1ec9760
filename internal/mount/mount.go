// Package mount tells adapters of web frameworks where the handlers of a
// merchant belong.
package mount

import (
	"net/url"
	"path"
	"strings"

	"github.com/go-gloebit/gloebit"
)

// Directories returns the paths at which a router may have to route the
// merchant's handlers: their directory as browsers see it, and what is left of
// it when the segments at its front, one by one, were taken off by whatever the
// router is mounted in. Each begins with a slash, and only "/" ends with one.
func Directories(m *gloebit.Merchant) []string {
	connect, err := url.Parse(m.ConnectURL(""))
	if err != nil {
		panic("gloebit: " + err.Error()) // a URL wrote it
	}
	directory := path.Dir(connect.Path)
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
