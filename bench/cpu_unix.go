//go:build unix

package bench

import (
	"fmt"
	"syscall"
	"time"
)

// processorTime is how long this process has computed, in the kernel too. What
// else the machine does is not in it.
func processorTime() (time.Duration, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0, fmt.Errorf("read the processor time: %w", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}
