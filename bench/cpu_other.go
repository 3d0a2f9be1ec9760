//go:build !unix

package bench

import "time"

var started = time.Now()

// processorTime returns wall-clock time, because this system reports no other.
func processorTime() (time.Duration, error) { return time.Since(started), nil }
