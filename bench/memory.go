package bench

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// credentialOf returns a user's credential as after a connection. Its strings
// and scopes are separate allocations, as in a token response.
func credentialOf(user string) connect.Credential {
	return connect.Credential{
		AccessToken:  gloebit.Secret(fmt.Sprintf("%-40s", "access-"+user)),
		RefreshToken: gloebit.Secret(fmt.Sprintf("%-40s", "refresh-"+user)),
		Scopes:       slices.Clone(scopes),
		Subject:      "gloebit-" + user,
		ConnectedAt:  time.Unix(1_800_000_000, 0),
	}
}

// MemoryPerUser connects that many users to a MemoryTokenStore. It returns the
// heap bytes of each, less the bytes of their strings: ID, tokens and Gloebit
// ID. The allocator's rounding counts against us.
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

// heap returns the size of the live heap, in bytes.
func heap() int64 {
	runtime.GC()
	runtime.GC() // frees what the first one has finalized
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
