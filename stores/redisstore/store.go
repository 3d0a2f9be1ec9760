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

// Config says where the store keeps what. Client must be set.
type Config struct {
	// Client is a *redis.Client or a *redis.ClusterClient. A *redis.Ring is
	// refused: while one of its servers is down, the others report that its users
	// have no credential, and when it returns, it still has the credentials that
	// were deleted meanwhile. The store does not close it.
	Client redis.UniversalClient
	// Prefix begins the name of every key. Empty means "gloebit:". It must
	// have no brace in it, since Cluster finds a key's slot by the braces.
	Prefix string
	// Lease is how long an Update may take from getting the lock to saving,
	// and how long a user waits when a process died in the middle of one.
	// Zero means 30 seconds; below 10 milliseconds is refused.
	Lease time.Duration
	// Clock tells the time at which credentials and pending connections lapse.
	// Nil means time.Now. Leases are of real time.
	Clock func() time.Time
}

const (
	defaultPrefix = "gloebit:"
	defaultLease  = 30 * time.Second
	minLease      = 10 * time.Millisecond
)

// Store keeps credentials and pending connections in Redis. Make it with [New].
// It is safe for concurrent use. It starts no goroutine.
type Store struct {
	client  redis.UniversalClient
	prefix  string
	lease   time.Duration
	now     func() time.Time
	scripts scripts
	locks   keylock.Locks // so that one goroutine of this process at a time waits for a user's lock in Redis
}

var (
	_ connect.TokenStore     = (*Store)(nil)
	_ connect.PlaintextStore = (*Store)(nil)
	_ connect.StateStore     = (*Store)(nil)
)

// PlainAtRest implements [connect.PlaintextStore]: tokens are in Redis as they are.
func (s *Store) PlainAtRest() bool { return true }

// New checks the configuration and makes a Store of it. It does not ask Redis
// anything.
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

// What the names of keys go on with.
const (
	lockKey       = "lock:"
	credentialKey = "credential:"
	stateKey      = "state:"
)

// userKey is the name of a user's lock or credential, such as
//
//	gloebit:credential:{www.gloebit.com%2Fshop:alice}
//
// The two share the hash tag in braces, so that Cluster keeps them in one slot.
// Escaped, neither the realm nor the id has a brace or a colon.
func (s *Store) userKey(kind string, key connect.Key) string {
	return s.realmKeys(kind, key.Realm) + url.QueryEscape(key.ID) + "}"
}

// realmKeys begins the names of a realm's locks or credentials.
func (s *Store) realmKeys(kind, realm string) string {
	return s.prefix + kind + "{" + url.QueryEscape(realm) + ":"
}

// stateKey is the name of a state, which has no hash tag: states are spread.
func (s *Store) stateKey(key connect.Key) string {
	return s.prefix + stateKey + url.QueryEscape(key.Realm) + ":" + url.QueryEscape(key.ID)
}

// maxKeep is the longest time for which a key expires. A key with a later time
// never expires.
const maxKeep = 100 * 365 * 24 * time.Hour

// keep is for how long Redis has to keep a key that lapses at that time: whole
// milliseconds, at least one. Zero means that it never expires. The time is
// relative to now, so that the clock of Redis need not be right.
func (s *Store) keep(until time.Time) time.Duration {
	left := until.Sub(s.now())
	if until.IsZero() || left > maxKeep {
		return 0
	}
	return max(left.Truncate(time.Millisecond)+time.Millisecond, time.Millisecond)
}

// lapsed reports whether that time has come. The zero time never does.
func (s *Store) lapsed(until time.Time) bool { return !until.IsZero() && !s.now().Before(until) }

// failed says what failed. What go-redis reports as a time-out of the network is
// an error of the context too when the context's deadline was the reason.
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
