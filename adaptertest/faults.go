package adaptertest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// errDown is the error of a failing store. No response may show it.
var errDown = errors.New("the database is down")

// fault is the error that a store returns; nil means that it works.
type fault struct {
	mu  sync.Mutex
	err error
}

func (f *fault) fail(err error) { f.mu.Lock(); defer f.mu.Unlock(); f.err = err }
func (f *fault) failure() error { f.mu.Lock(); defer f.mu.Unlock(); return f.err }

// newSessions returns sessions of scs.
func newSessions() (Sessions, func(load, save error)) {
	store := &faultySessions{Store: memstore.NewWithCleanupInterval(0)}
	manager := &scs.SessionManager{ // scs.New would start a goroutine that can't be stopped reliably
		Lifetime: 24 * time.Hour,
		Store:    store,
		Codec:    scs.GobCodec{},
		Cookie: scs.SessionCookie{
			Name: "session", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Persist: true,
		},
		ErrorFunc: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		},
	}
	return manager, func(load, save error) { store.load.fail(load); store.save.fail(save) }
}

type faultySessions struct {
	scs.Store
	load, save fault
}

func (s *faultySessions) Find(token string) ([]byte, bool, error) {
	if err := s.load.failure(); err != nil {
		return nil, false, err
	}
	return s.Store.Find(token)
}

func (s *faultySessions) Commit(token string, data []byte, expiry time.Time) error {
	if err := s.save.failure(); err != nil {
		return err
	}
	return s.Store.Commit(token, data, expiry)
}

type faultyTokens struct {
	gloebit.TokenStore
	fault
}

func (s *faultyTokens) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	if err := s.failure(); err != nil {
		return connect.Credential{}, err
	}
	return s.TokenStore.Load(ctx, key)
}

func (s *faultyTokens) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.TokenStore.Update(ctx, key, fn)
}

func (s *faultyTokens) Delete(ctx context.Context, key connect.Key) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.TokenStore.Delete(ctx, key)
}

type faultyStates struct {
	gloebit.StateStore
	fault
	puts atomic.Int32
}

func (s *faultyStates) Put(ctx context.Context, key connect.Key, pending connect.PendingConnection) error {
	if err := s.failure(); err != nil {
		return err
	}
	s.puts.Add(1)
	return s.StateStore.Put(ctx, key, pending)
}

func (s *faultyStates) Take(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	if err := s.failure(); err != nil {
		return connect.PendingConnection{}, err
	}
	return s.StateStore.Take(ctx, key)
}
