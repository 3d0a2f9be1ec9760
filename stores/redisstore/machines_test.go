package redisstore_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// users are the ways in which an application identifies its users.
func users() map[string]func(*gloebit.Config) {
	return map[string]func(*gloebit.Config){
		"signed in with Gloebit": func(c *gloebit.Config) { c.SignIn = true },
		"the session alone":      func(*gloebit.Config) {},
		"users of the application": func(c *gloebit.Config) {
			c.User = func(r *http.Request) (connect.User, error) {
				name := r.Header.Get("X-User")
				return connect.User{ID: "id of " + name, Name: name}, nil
			}
		},
	}
}

// newRedisFleet is a fleet on the server that tests use.
func newRedisFleet(t *testing.T, machines int, changes ...func(*gloebit.Config)) *fleet {
	t.Helper()
	return newFleet(t, machines, newPrefix(t, newClient(t)), func() *redis.Client { return newClient(t) }, changes...)
}

func TestAnyMachineContinuesTheFlow(t *testing.T) {
	t.Parallel()
	for name, user := range users() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newRedisFleet(t, 3, user)
			v := f.visitor()
			require.Equal(t, http.StatusUnauthorized, v.ask(2, http.MethodGet, "/balance").status, "not connected yet")
			v.connect(0, 1)
			require.Equal(t, "1000", v.ask(2, http.MethodGet, "/balance").body)
			for i := range 3 {
				bought := v.ask(i, http.MethodPost, "/buy")
				require.Equal(t, http.StatusOK, bought.status, bought.body)
			}
			require.Equal(t, "880", v.ask(0, http.MethodGet, "/balance").body)
			require.Equal(t, "880", f.gloebit.Balance("alice"))
			require.Equal(t, 1, f.grants("authorization_code"))

			gone := v.ask(1, http.MethodPost, "/gloebit/disconnect")
			require.Equal(t, http.StatusSeeOther, gone.status, gone.body)
			for i := range 3 {
				require.Equal(t, http.StatusUnauthorized, v.ask(i, http.MethodPost, "/buy").status, "disconnected everywhere")
			}
		})
	}
}

func TestConcurrentCallbacksExchangeOnce(t *testing.T) {
	t.Parallel()
	for name, user := range users() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newRedisFleet(t, 3, user)
			for round := range 5 {
				v := f.visitor()
				callback := v.callback(round % 3)
				jar := v.client.Jar
				v.client.Jar = sentOnly{jar} // the three answer at once: only the winner's cookie counts
				pages := make([]page, 3)
				start := make(chan struct{})
				var group sync.WaitGroup
				for i := range pages {
					group.Go(func() { <-start; pages[i] = v.ask(i, http.MethodGet, callback) })
				}
				close(start)
				group.Wait()

				statuses := map[int]int{}
				for _, p := range pages {
					statuses[p.status]++
				}
				require.Equal(t, map[int]int{http.StatusSeeOther: 1, http.StatusBadRequest: 2}, statuses, "%v", pages)
				require.Equal(t, round+1, f.grants("authorization_code"), "one exchange, counted at Gloebit")
				winner := slices.IndexFunc(pages, func(p page) bool { return p.status == http.StatusSeeOther })
				v.client.Jar = jar
				jar.SetCookies(mustParse(t, f.url), pages[winner].cookies)
				for i := range 3 {
					require.Equal(t, "1000", v.ask(i, http.MethodGet, "/balance").body)
					require.Equal(t, http.StatusBadRequest, v.ask(i, http.MethodGet, callback).status, "nor later")
				}
				require.Equal(t, round+1, f.grants("authorization_code"))
			}
		})
	}
}

func TestExpiredTokenIsRefreshedOnceAcrossMachines(t *testing.T) {
	t.Parallel()
	const machines, requests = 4, 50
	f := newRedisFleet(t, machines, func(c *gloebit.Config) { c.SignIn = true })
	v := f.visitor()
	v.connect(0, 1)
	for round := range 3 {
		require.Equal(t, 1, f.gloebit.ExpireTokens("alice"))
		var group sync.WaitGroup
		var mu sync.Mutex
		answers := map[string]int{}
		start := make(chan struct{})
		for i := range machines * requests {
			group.Go(func() {
				<-start
				p := v.ask(i%machines, http.MethodGet, "/balance")
				mu.Lock()
				defer mu.Unlock()
				answers[fmt.Sprint(p.status, " ", p.body)]++
			})
		}
		close(start)
		group.Wait()
		require.Equal(t, map[string]int{"200 1000": machines * requests}, answers)
		require.Equal(t, round+1, f.grants("refresh_token"), "one refresh, counted at Gloebit")
	}
}

func TestProtectedHandlersFailClosedWithoutRedis(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	f := newFleet(
		t, 2, "shop:", func() *redis.Client { return server.client(t, 0) }, func(c *gloebit.Config) { c.SignIn = true },
	)
	v := f.visitor()
	v.connect(0, 1)
	require.Equal(t, "1000", v.ask(0, http.MethodGet, "/balance").body)
	waiting := f.visitor()
	callback := waiting.callback(0)

	server.kill()
	before := f.guarded.Load()
	statuses := map[int]int{}
	for i := range 10 {
		statuses[v.ask(i%2, http.MethodGet, "/balance").status]++
		statuses[v.ask(i%2, http.MethodPost, "/buy").status]++
	}
	statuses[waiting.ask(1, http.MethodGet, callback).status]++
	require.Equal(t, []int{http.StatusServiceUnavailable}, slices.Collect(maps.Keys(statuses)))
	require.Equal(t, before, f.guarded.Load(), "no guarded handler ran")
	require.Equal(t, "1000", f.gloebit.Balance("alice"))

	server.start()
	require.Eventually(t, func() bool {
		return v.ask(
			0, http.MethodGet, "/balance",
		).status == http.StatusOK && v.ask(1, http.MethodGet, "/balance").status == http.StatusOK
	}, patience, aMoment)
	require.Equal(t, http.StatusOK, v.ask(1, http.MethodPost, "/buy").status, "still connected")
	require.Equal(
		t, http.StatusSeeOther, waiting.ask(1, http.MethodGet, callback).status, "and who was on the way arrives",
	)
}
