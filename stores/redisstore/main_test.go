package redisstore_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// sideBySide is how many tests run at once unless -parallel says otherwise. Most
// wait for locks and leases.
const sideBySide = "4"

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", sideBySide); err != nil {
		panic(err)
	}
	// scs.New starts a goroutine that can't be stopped for certain.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"))
}
