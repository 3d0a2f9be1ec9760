// Package redisstore keeps credentials and pending connections in Redis 6.2 or
// newer, or in a server that speaks like it, such as Valkey: one server, one
// with replicas under Sentinel, or a Cluster. A [Store] is both a
// [connect.TokenStore] and a [connect.StateStore]:
//
//	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
//	store, err := redisstore.New(redisstore.Config{Client: client})
//	...
//	merchant, err := gloebit.New(gloebit.Config{Tokens: store, States: store, ...})
//
// ContextTimeoutEnabled is an option of go-redis, off unless it is set: without
// it a server that hangs holds a call for go-redis's own timeouts and retries,
// whatever the deadline of the call's context.
//
// # The lock
//
// An Update holds a lock with a lease (see [Config]). It is never renewed: a
// process that dies in the middle of an Update keeps its user waiting until the
// lease ends, and no longer. The save happens in Redis, in the same step as the
// check that the lock is still this Update's. A process that was paused for
// longer than its lease, and comes back when another has taken over, saves
// nothing and gets [ErrLeaseLost].
//
// # What Redis must promise
//
// A credential is as durable as Redis is. With "appendfsync everysec" a crash
// of the server loses up to a second of saves; a failover loses what had not
// reached the replica. Where the lost save was that of a rotated refresh token,
// its user has to connect again. The eviction policy must be noeviction, or one
// of the volatile ones: then what may leave early is pending connections, and
// the credentials that end with a session.
//
// Reads must go to the primary: ReadOnly, RouteByLatency and RouteRandomly of
// go-redis let Load see a token that an Update has replaced already.
package redisstore
