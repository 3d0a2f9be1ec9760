//go:build unix

package bench

import (
	"fmt"
	"syscall"
	"time"
)

// processorTime returns the processor time of this process, including the
// kernel's. It does not include other processes.
func processorTime() (time.Duration, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0, fmt.Errorf("read the processor time: %w", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}
