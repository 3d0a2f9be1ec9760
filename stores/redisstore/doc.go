// Package redisstore keeps credentials and pending connections in Redis 6.2 or
// newer, or a compatible server such as Valkey. It supports a single server,
// replicas under Sentinel, and a Cluster. A [Store] is both a
// [connect.TokenStore] and a [connect.StateStore]:
//
//	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
//	store, err := redisstore.New(redisstore.Config{Client: client})
//	...
//	merchant, err := gloebit.New(gloebit.Config{Tokens: store, States: store, ...})
//
// Set ContextTimeoutEnabled, an option of go-redis that is off by default.
// Without it, a call to a server that hangs ignores the context's deadline and
// ends after go-redis's own timeouts and retries.
//
// # The lock
//
// An Update holds a lock with a lease (see [Config]), which is never renewed.
// If a process dies during an Update, its user waits until the lease ends.
// Redis saves the credential in the same script that checks that the Update
// still holds the lock. If a process was paused for longer than its lease and
// another has taken the lock, its Update saves nothing and returns
// [ErrLeaseLost].
//
// # What Redis must promise
//
// A credential is as durable as Redis is. With "appendfsync everysec", a crash
// of the server loses up to a second of saves. A failover loses the saves that
// had not reached the replica. If a lost save had a rotated refresh token, the
// user has to connect again. The eviction policy must be noeviction or one of
// the volatile policies, which can evict only pending connections and
// credentials that expire with a session.
//
// Send reads to the primary. With the options ReadOnly, RouteByLatency and
// RouteRandomly of go-redis, Load can return a token that an Update has already
// replaced.
package redisstore
