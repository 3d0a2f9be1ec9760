package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	stateFormat  = "gloebit-sandbox"
	stateVersion = 1
	// saveInterval is how often changes are saved that no response depends on.
	saveInterval = 250 * time.Millisecond
	// callbackTimeout limits one call of an application's hold URL.
	callbackTimeout = 10 * time.Second
)

// state is the content of the state file.
type state struct {
	Format      string          `json:"format"`
	Version     int             `json:"version"`
	Application string          `json:"application"` // key of the first application
	Bought      []purchase      `json:"bought"`
	Gloebit     json.RawMessage `json:"gloebit"`
}

// load reads the state file, if there is one, and returns the key of the first
// application.
func (s *Sandbox) load(path string) (key string, found bool, err error) {
	if path == "" {
		return "", false, nil
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("sandbox: read state: %w", err)
	}
	var kept state
	if err := json.Unmarshal(content, &kept); err != nil {
		return "", false, fmt.Errorf("sandbox: state file %s: %w", path, err)
	}
	if kept.Format != stateFormat || kept.Version != stateVersion {
		return "", false, fmt.Errorf("sandbox: state file %s: not a %s file of version %d", path, stateFormat, stateVersion)
	}
	if err := s.gloebit.Load(bytes.NewReader(kept.Gloebit)); err != nil {
		return "", false, fmt.Errorf("sandbox: state file %s: %w", path, err)
	}
	s.bought = kept.Bought
	return kept.Application, true, nil
}

// snapshot writes a consistent state, and returns its revision.
func (s *Sandbox) snapshot(w io.Writer) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	revision := s.gloebit.Revision() + s.changes // read first, so that concurrent changes are saved again
	var engine bytes.Buffer
	if err := s.gloebit.Save(&engine); err != nil {
		return 0, err
	}
	kept := state{
		Format: stateFormat, Version: stateVersion, Application: s.key, Bought: s.bought, Gloebit: engine.Bytes(),
	}
	return revision, json.NewEncoder(w).Encode(kept)
}

// persist saves all changes that happened before the call. It does nothing
// without a state file or changes.
func (s *Sandbox) persist() error {
	if s.file == nil || s.revision() == s.file.saved.Load() {
		return nil
	}
	return s.file.save()
}

func (s *Sandbox) revision() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gloebit.Revision() + s.changes
}

// Run sends the queued hold callbacks and saves changes to the state file,
// until ctx ends. It returns nil, or the error of the last write.
func (s *Sandbox) Run(ctx context.Context) error {
	var queue sync.WaitGroup
	queue.Go(func() {
		if err := s.gloebit.Run(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "sandbox: the queue stopped", "error", err)
		}
	})
	ticker := time.NewTicker(saveInterval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			if err := s.persist(); err != nil {
				s.log.ErrorContext(ctx, "sandbox: state can't be saved", "error", err)
			}
		}
	}
	queue.Wait()
	return s.persist()
}

// callbackClient returns the client for hold URLs. It saves the state before
// each call, so that a sandbox that is killed remembers what it sent to the
// application.
func (s *Sandbox) callbackClient() *http.Client {
	return &http.Client{
		Timeout:       callbackTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     persistFirst{s},
	}
}

type persistFirst struct{ s *Sandbox }

func (p persistFirst) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := p.s.persist(); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(r)
}
