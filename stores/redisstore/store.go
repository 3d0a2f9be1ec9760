package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore/internal/keylock"
	"github.com/redis/go-redis/v9"
)

// Config configures a Store. Client must be set.
type Config struct {
	// Client is a *redis.Client or a *redis.ClusterClient. The caller closes
	// it. New rejects a *redis.Ring: while one of its servers is down, users of
	// that server seem to have no credential, and when it returns, credentials
	// that were deleted meanwhile reappear.
	Client redis.UniversalClient
	// Prefix begins the name of every key. It must not contain braces, because
	// a Cluster derives a key's slot from them. The default is "gloebit:".
	Prefix string
	// Lease is how long an Update may take from getting the lock to saving, and
	// how long a user waits after a process died during an Update. The default
	// is 30 seconds; the minimum is 10 milliseconds.
	Lease time.Duration
	// Clock tells the time at which credentials and pending connections expire.
	// Leases use the real time. The default is time.Now.
	Clock func() time.Time
}

const (
	defaultPrefix = "gloebit:"
	defaultLease  = 30 * time.Second
	minLease      = 10 * time.Millisecond
)

// Store keeps credentials and pending connections in Redis. Make it with [New].
// It is safe for concurrent use, and starts no goroutine.
type Store struct {
	client  redis.UniversalClient
	prefix  string
	lease   time.Duration
	now     func() time.Time
	scripts scripts
	locks   keylock.Locks // so that one goroutine of this process at a time polls a user's lock in Redis
}

var (
	_ connect.TokenStore     = (*Store)(nil)
	_ connect.PlaintextStore = (*Store)(nil)
	_ connect.StateStore     = (*Store)(nil)
)

// PlainAtRest implements [connect.PlaintextStore]. It returns true: tokens are
// stored unencrypted.
func (s *Store) PlainAtRest() bool { return true }

// New checks the configuration and returns a Store. It does not access Redis.
func New(config Config) (*Store, error) {
	s := &Store{
		client: config.Client, prefix: config.Prefix, lease: config.Lease, now: config.Clock, scripts: newScripts(),
	}
	if s.prefix == "" {
		s.prefix = defaultPrefix
	}
	if s.lease == 0 {
		s.lease = defaultLease
	}
	if s.now == nil {
		s.now = time.Now
	}
	var problems []error
	if s.client == nil {
		problems = append(problems, errors.New("redisstore: Config.Client is nil"))
	}
	if _, ok := s.client.(*redis.Ring); ok {
		problems = append(
			problems,
			errors.New(
				"redisstore: Config.Client is a *redis.Ring, which loses credentials while a server of it is away: use a "+
					"*redis.ClusterClient",
			),
		)
	}
	if strings.ContainsAny(s.prefix, "{}") {
		problems = append(problems, fmt.Errorf("redisstore: Config.Prefix %q has a brace in it", s.prefix))
	}
	if s.lease < minLease {
		problems = append(problems, fmt.Errorf("redisstore: Config.Lease is %v, want at least %v", s.lease, minLease))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return s, nil
}

// Key names continue with one of these after the prefix.
const (
	lockKey       = "lock:"
	credentialKey = "credential:"
	stateKey      = "state:"
)

// userKey returns the key of a user's lock or credential, such as
//
//	gloebit:credential:{www.gloebit.com%2Fshop:alice}
//
// A user's keys share the hash tag in braces, so a Cluster keeps them in one
// slot. The realm and the ID are escaped, so they contain no brace or colon.
func (s *Store) userKey(kind string, key connect.Key) string {
	return s.realmKeys(kind, key.Realm) + url.QueryEscape(key.ID) + "}"
}

// realmKeys returns the beginning of the keys of a realm's locks or
// credentials.
func (s *Store) realmKeys(kind, realm string) string {
	return s.prefix + kind + "{" + url.QueryEscape(realm) + ":"
}

// stateKey returns the key of a state. It has no hash tag, so states are spread
// over the slots.
func (s *Store) stateKey(key connect.Key) string {
	return s.prefix + stateKey + url.QueryEscape(key.Realm) + ":" + url.QueryEscape(key.ID)
}

// maxKeep is the longest time for which a key expires. A key with a later time
// never expires.
const maxKeep = 100 * 365 * 24 * time.Hour

// keep returns how long Redis must keep a key that expires at that time: at
// least one millisecond, in whole milliseconds, or 0 for no expiry. The
// duration is relative to this process's clock, so the clock of Redis need not
// be right.
func (s *Store) keep(until time.Time) time.Duration {
	left := until.Sub(s.now())
	if until.IsZero() || left > maxKeep {
		return 0
	}
	return max(left.Truncate(time.Millisecond)+time.Millisecond, time.Millisecond)
}

// expired reports whether that time has come, which the zero time never does.
func (s *Store) expired(until time.Time) bool { return !until.IsZero() && !s.now().Before(until) }

// failed wraps an error with the operation that failed. If the context's
// deadline caused a network timeout of go-redis, the error also matches the
// context's error.
func failed(ctx context.Context, doing string, err error) error {
	cause := ctx.Err()
	if at, ok := ctx.Deadline(); ok && cause == nil && errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(at) {
		cause = context.DeadlineExceeded // the connection noticed first
	}
	if cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("redisstore: %s: %w: %w", doing, cause, err)
	}
	return fmt.Errorf("redisstore: %s: %w", doing, err)
}
