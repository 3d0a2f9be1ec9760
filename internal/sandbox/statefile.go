package sandbox

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
)

// stateFile keeps a snapshot on disk. It replaces the file atomically, even if
// the process or the machine crashes. It is safe for concurrent use.
type stateFile struct {
	path     string
	snapshot func(io.Writer) (revision uint64, err error)
	saved    atomic.Uint64 // revision on disk

	writing sync.Mutex // held while writing
	mu      sync.Mutex // guards waiting
	waiting *batch
}

// batch is one write that several callers wait for.
type batch struct {
	done chan struct{}
	err  error
}

// save returns when all changes before the call are on disk. Calls during a
// write share the next one.
func (f *stateFile) save() error {
	f.mu.Lock()
	b := f.waiting
	if b != nil {
		f.mu.Unlock()
		<-b.done
		return b.err
	}
	b = &batch{done: make(chan struct{})}
	f.waiting = b
	f.mu.Unlock()

	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	f.waiting = nil // before the snapshot: later callers need another one
	f.mu.Unlock()
	b.err = f.write()
	close(b.done)
	return b.err
}

// write replaces the file: it writes and syncs a new file, renames it, and
// syncs the folder. The new file always has the same name, so a crash leaves at
// most one.
func (f *stateFile) write() error {
	next := f.path + ".new"
	revision, err := f.fill(next)
	if err != nil {
		return fmt.Errorf("sandbox: write state: %w", err)
	}
	if err := os.Rename(next, f.path); err != nil {
		return fmt.Errorf("sandbox: replace state: %w", err)
	}
	if err := syncFolder(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("sandbox: sync state's folder: %w", err)
	}
	f.saved.Store(revision)
	return nil
}

func (f *stateFile) fill(path string) (revision uint64, err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it holds secrets
	if err != nil {
		return 0, err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
	}()
	buffered := bufio.NewWriter(file)
	if revision, err = f.snapshot(buffered); err != nil {
		return 0, err
	}
	if err := buffered.Flush(); err != nil {
		return 0, err
	}
	return revision, file.Sync()
}

// syncFolder makes a rename durable. Windows does not need it.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
