package redisstore

import (
	"context"
	"iter"
	"net/url"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

const listAtOnce = 1000 // keys that one SCAN examines

// UserIDs iterates over the IDs of the realm's users who have a credential, in
// no particular order, each once. It may or may not include users who are added
// or removed during the iteration. It ends after an error.
//
// It scans all keys of the database, including those of other applications, and
// keeps the IDs that it has seen in memory. In a Cluster it scans one primary
// after another, and may miss a user whose slot moves during the iteration.
func (s *Store) UserIDs(ctx context.Context, realm string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		nodes, err := s.nodes(ctx)
		if err != nil {
			yield("", failed(ctx, "find the nodes", err))
			return
		}
		seen := make(map[string]bool) // SCAN may return a key twice
		for _, node := range nodes {
			if !s.listNode(ctx, node, realm, seen, yield) {
				return
			}
		}
	}
}

// listNode lists the users of one node. It reports whether to continue with the
// next node.
func (s *Store) listNode(
	ctx context.Context, node redis.Cmdable, realm string, seen map[string]bool, yield func(string, error) bool,
) bool {
	pattern := literally(s.realmKeys(credentialKey, realm)) + "*}"
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, pattern, listAtOnce).Result()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield("", failed(ctx, "list the users", err))
			return false
		}
		for _, key := range keys {
			userID, ok := s.userOf(key, realm)
			if !ok || seen[userID] {
				continue
			}
			seen[userID] = true
			if !yield(userID, nil) {
				return false
			}
		}
		if cursor = next; cursor == 0 {
			return true
		}
	}
}

// userOf returns the user ID in the name of a credential's key, if the key is
// of the realm.
func (s *Store) userOf(name, realm string) (string, bool) {
	escaped, ok := strings.CutPrefix(name, s.realmKeys(credentialKey, realm))
	escaped, closed := strings.CutSuffix(escaped, "}")
	userID, err := url.QueryUnescape(escaped)
	return userID, ok && closed && err == nil
}

// nodes returns a client for every server that holds keys.
func (s *Store) nodes(ctx context.Context) ([]redis.Cmdable, error) {
	var mu sync.Mutex
	var nodes []redis.Cmdable
	add := func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		nodes = append(nodes, node)
		return nil
	}
	switch client := s.client.(type) {
	case *redis.ClusterClient:
		err := client.ForEachMaster(ctx, add)
		return nodes, err
	default:
		return []redis.Cmdable{client}, nil
	}
}

// literally escapes the special characters of Redis patterns.
func literally(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}
