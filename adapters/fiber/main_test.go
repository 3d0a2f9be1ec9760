package gloebitfiber_test

import (
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// shutdowns are those of the servers of all tests.
var shutdowns sync.WaitGroup

type waiting struct{ *testing.M }

// Run runs the tests and waits for the shutdowns.
func (w waiting) Run() int {
	defer shutdowns.Wait()
	return w.M.Run()
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(waiting{m},
		// scs.New and fasthttp start goroutines that can't be stopped at once.
		goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // sleeps for ten seconds
	)
}
