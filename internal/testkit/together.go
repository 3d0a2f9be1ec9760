package testkit

import (
	"sync"
	"testing"
)

// Together runs n concurrent calls of fn, and waits for all of them.
func Together(t testing.TB, n int, fn func()) {
	t.Helper()
	var group sync.WaitGroup
	for range n {
		group.Go(fn)
	}
	group.Wait()
}
