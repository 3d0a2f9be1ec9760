package connect_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// breaking is a token store whose saves fail, before or after they are carried
// out.
type breaking struct {
	connect.MemoryTokenStore
	mu       sync.Mutex
	failures int
	carried  bool                                          // the saves that fail are carried out
	between  func(*connect.Credential) *connect.Credential // what another replica makes of the record after a failure
}

func (s *breaking) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	s.mu.Lock()
	fails := s.failures > 0
	if fails {
		s.failures--
	}
	s.mu.Unlock()
	if !fails {
		return s.MemoryTokenStore.Update(ctx, key, fn)
	}
	err := s.MemoryTokenStore.Update(ctx, key, func(
		ctx context.Context, current *connect.Credential,
	) (*connect.Credential, error) {
		next, err := fn(ctx, current)
		if err != nil || s.carried {
			return next, err
		}
		return nil, errors.New("the connection is lost")
	})
	if s.between != nil {
		_ = s.MemoryTokenStore.Update(ctx, key, func(
			_ context.Context, current *connect.Credential,
		) (*connect.Credential, error) {
			return s.between(current), nil
		})
	}
	return errors.Join(err, errors.New("the connection is lost"))
}

// TestRefreshThatIsNotSaved checks that a refreshed token is saved again after
// a store error, unless the credential was replaced meanwhile.
func TestRefreshThatIsNotSaved(t *testing.T) {
	replaced := func(token connect.Secret) func(*connect.Credential) *connect.Credential {
		return func(current *connect.Credential) *connect.Credential {
			next := *current
			next.AccessToken = token
			return &next
		}
	}
	for name, test := range map[string]struct {
		store *breaking
		want  connect.Secret
		err   error
		saved connect.Secret // what the store has afterwards; empty for nothing
	}{
		"once":            {&breaking{failures: 1}, "fresh", nil, "fresh"},
		"for ten seconds": {&breaking{failures: 9}, "fresh", nil, "fresh"},
		"carried out":     {&breaking{failures: 1, carried: true}, "fresh", nil, "fresh"},
		"another's since": {&breaking{failures: 1, between: replaced("another's")}, "another's", nil, "another's"},
		"disconnected since": {
			&breaking{failures: 1, between: func(*connect.Credential) *connect.Credential { return nil }}, "",
			connect.ErrNotConnected, "",
		},
		"for more than minutes": {&breaking{failures: 1000}, "", connect.ErrStore, "stale"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				s := newSite(t, func(c *connect.Config) {
					c.Tokens = test.store
					c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
						requests++
						return ok(`{"access_token":"fresh","refresh_token":"r2","token_type":"bearer"}`), nil
					})}
				})
				key := connect.Key{Realm: s.Realm(), ID: "ann"}
				stale := connect.Credential{AccessToken: "stale", RefreshToken: "r1", TokenExpiry: time.Now().Add(-time.Hour)}
				require.NoError(t, test.store.MemoryTokenStore.Update(t.Context(), key, save(stale)))
				account, err := s.Account(t.Context(), "ann")
				require.NoError(t, err)
				fresh, err := account.Fresh(t.Context(), time.Now().Add(2*time.Minute))
				if test.err != nil {
					require.ErrorIs(t, err, test.err)
				} else {
					require.NoError(t, err)
					require.Equal(t, test.want, fresh.AccessToken)
				}
				require.Equal(t, 1, requests, "the server is asked once")
				kept, err := test.store.Load(t.Context(), key)
				if test.saved == "" {
					require.ErrorIs(t, err, connect.ErrNotFound)
				} else {
					require.Equal(t, test.saved, kept.AccessToken)
				}
			})
		})
	}
}
