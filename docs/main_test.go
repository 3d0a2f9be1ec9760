// Package docs_test holds the programs of the pages in this folder, and tests
// of the pages: their code is compiled and run, and their links lead somewhere.
package docs_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// scs.New starts a goroutine that can't be stopped for certain.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"))
}
