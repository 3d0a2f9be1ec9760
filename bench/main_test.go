package bench_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines left behind, but for the one that scs itself
// starts for its store in memory, which is part of what a peer costs.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"))
}
