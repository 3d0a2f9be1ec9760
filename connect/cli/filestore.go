package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/gofrs/flock"
)

// ErrFile is returned by a [FileStore] for a file that can't be used: it is
// truncated, belongs to another server, or is readable by other users. The text
// names the file and says what to do. A FileStore never overwrites such a file.
var ErrFile = errors.New("the file can't be used")

// FileStore is a [connect.TokenStore] that keeps each credential in a separate
// file, unencrypted, with the mode 0600. It replaces files atomically. Any
// number of processes can share it: a process that updates a credential locks a
// second file beside it, which is not removed afterwards. It is safe for
// concurrent use.
//
// It refuses a file that its group or other users can read, and a directory
// that they can write to. On Windows, where modes say nothing, it does not
// check this.
type FileStore struct {
	// Dir is the directory. It is created, with the mode 0700, when the first
	// credential is saved.
	Dir string

	mu    sync.Mutex
	turns map[string]*turn // by file that this process updates
}

// UserStore returns a FileStore in the user's configuration directory (see
// [os.UserConfigDir]), in a directory named after the program.
func UserStore(program string) (*FileStore, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("cli: %w", err)
	}
	if program == "" || program != filepath.Base(program) || program == "." || program == ".." {
		return nil, fmt.Errorf("cli: %w: %q is no name of a directory", connect.ErrInvalidRequest, program)
	}
	return &FileStore{Dir: filepath.Join(dir, program)}, nil
}

// PlainAtRest implements [connect.PlaintextStore].
func (s *FileStore) PlainAtRest() bool { return true }

// Format writes the type's name and the directory, for every verb.
func (s *FileStore) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "cli.FileStore(%s)", s.Dir) }

// record is the content of a file.
type record struct {
	Realm      string          `json:"realm"`
	ID         string          `json:"id"`
	Credential json.RawMessage `json:"credential"` // encoded by connect.EncodeCredential
}

// maxFile is the greatest size of a file in bytes. A credential has up to 256
// KiB.
const maxFile = 1 << 20

// Load implements [connect.TokenStore].
func (s *FileStore) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	if err := ctx.Err(); err != nil {
		return connect.Credential{}, err
	}
	credential, err := s.read(key)
	if err != nil {
		return connect.Credential{}, err
	}
	if credential == nil {
		return connect.Credential{}, connect.ErrNotFound
	}
	return *credential, nil
}

// Update implements [connect.TokenStore].
func (s *FileStore) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	return s.exclusively(ctx, key, func() error {
		current, err := s.read(key)
		if err != nil {
			return err
		}
		next, err := fn(ctx, current)
		if err != nil {
			return err
		}
		if next == nil {
			return s.remove(key)
		}
		return s.write(key, *next)
	})
}

// Delete implements [connect.TokenStore]. A file that can't be used stays.
func (s *FileStore) Delete(ctx context.Context, key connect.Key) error {
	return s.Update(ctx, key, func(context.Context, *connect.Credential) (*connect.Credential, error) { return nil, nil })
}

// path returns the file of a key. Users can read the first part. The hash
// distinguishes keys, even on file systems that ignore case.
func (s *FileStore) path(key connect.Key) string {
	sum := sha256.Sum256([]byte(key.Realm + "\x00" + key.ID))
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '_'
	}, key.Realm+"_"+key.ID)
	readable = strings.TrimLeft(readable[:min(len(readable), 60)], ".-")
	return filepath.Join(s.Dir, readable+"-"+hex.EncodeToString(sum[:8])+".json")
}

// read returns the credential of a file, or nil if there is no file.
func (s *FileStore) read(key connect.Key) (*connect.Credential, error) {
	path := s.path(key)
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cli: %w: %s is no regular file: remove it, and log in again", ErrFile, path)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cli: %w: %w", ErrFile, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("cli: %w: %w", ErrFile, err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf(
			"cli: %w: others can read %s: log out where it is used, then run chmod 600 %s", ErrFile, path, path,
		)
	}
	if err := s.checkDir(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cli: %w: %w", ErrFile, err)
	}
	return decode(path, body, key)
}

// decode decodes a file's content. The error does not quote it.
func decode(path string, body []byte, key connect.Key) (*connect.Credential, error) {
	var r record
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if len(body) > maxFile || !json.Valid(body) || decoder.Decode(&r) != nil || len(r.Credential) == 0 {
		return nil, fmt.Errorf("cli: %w: %s was cut off, or holds something else: remove it, and log in again", ErrFile, path)
	}
	if r.Realm != key.Realm || r.ID != key.ID {
		return nil, fmt.Errorf("cli: %w: %s holds the login of %.160q at %.160q, not of %q at %q: move it away, and log "+
			"in again",
			ErrFile, path, r.ID, r.Realm, key.ID, key.Realm)
	}
	credential, err := connect.DecodeCredential(r.Credential)
	if err != nil {
		return nil, fmt.Errorf("cli: %w: %s: %w: remove it, and log in again", ErrFile, path, err)
	}
	return &credential, nil
}

// write replaces a file. The caller holds its lock.
func (s *FileStore) write(key connect.Key, credential connect.Credential) error {
	encoded, err := connect.EncodeCredential(credential)
	if err != nil {
		return err
	}
	body, err := json.Marshal(record{key.Realm, key.ID, encoded})
	if err != nil {
		return fmt.Errorf("cli: %w", err)
	}
	path := s.path(key)
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) { // left by a killed process
		return fmt.Errorf("cli: %w", err)
	}
	if err := writeNew(draft, append(body, '\n')); err != nil {
		_ = os.Remove(draft)
		return fmt.Errorf("cli: %w", err)
	}
	if err := os.Rename(draft, path); err != nil {
		_ = os.Remove(draft)
		return fmt.Errorf("cli: %w", err)
	}
	return s.syncDir()
}

// writeNew creates a file and syncs it to the disk. It fails if the file
// exists.
func writeNew(path string, body []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(body)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// syncDir syncs the directory to the disk, so that a rename survives a power
// failure.
func (s *FileStore) syncDir() error {
	if runtime.GOOS == "windows" { // Windows can't sync a directory
		return nil
	}
	dir, err := os.Open(s.Dir)
	if err != nil {
		return fmt.Errorf("cli: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("cli: %w", err)
	}
	return nil
}

func (s *FileStore) remove(key connect.Key) error {
	if err := os.Remove(s.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cli: %w", err)
	}
	return nil
}

// checkDir refuses a directory in which other users can replace files.
func (s *FileStore) checkDir() error {
	info, err := os.Stat(s.Dir)
	switch {
	case err != nil:
		return fmt.Errorf("cli: %w: %w", ErrFile, err)
	case !info.IsDir():
		return fmt.Errorf("cli: %w: %s is no directory", ErrFile, s.Dir)
	case info.Mode().Perm()&0o022 != 0 && runtime.GOOS != "windows":
		return fmt.Errorf("cli: %w: others can write to %s: run chmod 700 %s", ErrFile, s.Dir, s.Dir)
	}
	return nil
}

// lockDelay is how long a process waits before it tries to lock a file again.
const lockDelay = 20 * time.Millisecond

// exclusively runs fn while no other goroutine or process holds the key's lock.
func (s *FileStore) exclusively(ctx context.Context, key connect.Key, fn func() error) error {
	if s.Dir == "" {
		return fmt.Errorf("cli: %w: FileStore.Dir is not set", connect.ErrInvalidRequest)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("cli: %w", err)
	}
	if err := s.checkDir(); err != nil {
		return err
	}
	path := s.path(key) + ".lock"
	release, err := s.turn(ctx, path)
	if err != nil {
		return err
	}
	defer release()
	lock := flock.New(path, flock.SetPermissions(0o600))
	locked, err := lock.TryLockContext(ctx, lockDelay)
	if ctx.Err() != nil && !locked {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("cli: lock %s: %w", path, err)
	}
	defer lock.Close()
	return fn()
}

// turn is a lock between the goroutines that use a file.
type turn struct {
	free    chan struct{} // holds a value while the lock is free
	waiting int
}

// turn locks a file against the other goroutines of this process.
func (s *FileStore) turn(ctx context.Context, path string) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.turns == nil {
		s.turns = make(map[string]*turn)
	}
	mine := s.turns[path]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		s.turns[path] = mine
	}
	mine.waiting++
	s.mu.Unlock()
	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if mine.waiting--; mine.waiting == 0 {
			delete(s.turns, path)
		}
	}
	select {
	case <-mine.free:
		return func() { mine.free <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
