package redisstore_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/go-gloebit/gloebit/storetest"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// newCluster starts three primaries that share the slots, and a replica of the
// first.
func newCluster(t *testing.T) *redis.ClusterClient {
	t.Helper()
	slots := [][2]int{{0, 5460}, {5461, 10922}, {10923, 16383}}
	var addresses []string
	var first *redis.Client
	for i := range len(slots) + 1 {
		var bus string
		s := newTCPServer(t, func() []string {
			bus = freePort(t)
			return []string{"--cluster-enabled", "yes", "--cluster-port", bus, "--repl-diskless-sync-delay", "0"}
		})
		client := s.client(t, 3)
		addresses = append(addresses, s.address)
		if i < len(slots) {
			require.NoError(t, client.ClusterAddSlotsRange(t.Context(), slots[i][0], slots[i][1]).Err())
		}
		if i == 0 {
			first = client
			continue
		}
		host, port, _ := net.SplitHostPort(s.address)
		require.NoError(t, first.Do(t.Context(), "cluster", "meet", host, port, bus).Err())
	}
	for _, address := range addresses {
		node := redis.NewClient(&redis.Options{Addr: address})
		defer node.Close()
		require.Eventually(t, func() bool {
			info, err := node.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:4")
		}, patience, 20*time.Millisecond)
	}
	id, err := first.Do(t.Context(), "cluster", "myid").Text()
	require.NoError(t, err)
	replica := redis.NewClient(&redis.Options{Addr: addresses[len(slots)]})
	defer replica.Close()
	require.NoError(t, replica.ClusterReplicate(t.Context(), id).Err())
	require.Eventually(t, func() bool {
		info, err := replica.Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "master_link_status:up")
	}, patience, 20*time.Millisecond)
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = cluster.Close() })
	return cluster
}

func TestAClusterIsBothStores(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	newEmpty := func(t *testing.T) *redisstore.Store {
		// The cluster is the test's own: nothing to clean up.
		return newStore(t, redisstore.Config{Client: cluster, Prefix: t.Name() + ":"})
	}
	storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore { return newEmpty(t) })
	storetest.RunStateStore(t, func(t *testing.T) connect.StateStore { return newEmpty(t) })
	storetest.RunUserIDs(t, func(t *testing.T) storetest.ListingStore { return newEmpty(t) })
}

func TestARingIsRefused(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer ring.Close()
	_, err := redisstore.New(redisstore.Config{Client: ring})
	require.ErrorContains(t, err, "*redis.Ring")
}
