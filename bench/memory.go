package bench

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// credentialOf is what a user's credential looks like after a connection:
// strings and scopes of its own, as a token answer has them.
func credentialOf(user string) connect.Credential {
	return connect.Credential{
		AccessToken:  gloebit.Secret(fmt.Sprintf("%-40s", "access-"+user)),
		RefreshToken: gloebit.Secret(fmt.Sprintf("%-40s", "refresh-"+user)),
		Scopes:       slices.Clone(scopes),
		Subject:      "gloebit-" + user,
		ConnectedAt:  time.Unix(1_800_000_000, 0),
	}
}

// MemoryPerUser connects so many users to a MemoryTokenStore and returns how
// many bytes of the heap each costs, less the bytes of their strings: id,
// tokens and Gloebit id. What the allocator adds to a string counts against us.
func MemoryPerUser(users int) (bytes float64, err error) {
	tokens := &gloebit.MemoryTokenStore{}
	before := heap()
	if err := connectUsers(tokens, 0, users); err != nil {
		return 0, err
	}
	after := heap()
	one := credentialOf(userName(0))
	strings := len(userName(0)) + len(one.AccessToken) + len(one.RefreshToken) + len(one.Subject)
	runtime.KeepAlive(tokens)
	return float64(after-before)/float64(users) - float64(strings), nil
}

// heap is what is alive on the heap, in bytes.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one has found to be finalized
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
