package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestEachStepRunsOnAnotherReplica(t *testing.T) {
	onEveryStore(t, 3, func(t *testing.T, f *fleet) {
		v := f.visitor()
		status, body := v.do(http.MethodGet, f.shop+"/", nil)
		require.Equal(t, http.StatusOK, status, body)
		require.Contains(t, body, "You have 1000 G$.")
		order := regexp.MustCompile(`name="order" value="([^"]+)"`).FindStringSubmatch(body)[1]
		for range 3 { // sent three times, to three replicas
			status, body = v.do(http.MethodPost, f.shop+"/buy", url.Values{"order": {order}})
			require.Equal(t, http.StatusOK, status, body)
			require.Contains(t, body, "You have 960 G$.")
		}
		steps := strings.Join(v.seen, "\n")
		for _, pattern := range []string{`/gloebit/connect at (\d)`, `/gloebit/callback at (\d)`, `/buy at (\d)`} {
			require.Regexp(t, pattern, steps)
		}
		where := func(pattern string) string { return regexp.MustCompile(pattern).FindStringSubmatch(steps)[1] }
		require.NotEqual(t, where(`/gloebit/connect at (\d)`), where(`/gloebit/callback at (\d)`))
		require.Len(t, f.gloebit.Transactions(), 1)
	})
}

func TestConnectCallbackAndPurchaseOnThreeReplicas(t *testing.T) {
	onEveryStore(t, 3, func(t *testing.T, f *fleet) {
		v := f.visitor()
		v.client.CheckRedirect = testkit.Stay
		location := func(target string) *url.URL {
			resp, err := v.client.Get(target)
			require.NoError(t, err)
			resp.Body.Close()
			to, err := resp.Location()
			require.NoError(t, err)
			return to
		}
		callback := location(location(f.replicas[0] + "/gloebit/connect").String())
		location(f.replicas[1] + callback.RequestURI())
		status, body := v.do(http.MethodPost, f.replicas[2]+"/buy", url.Values{"order": {"o-1"}})
		require.Equal(t, http.StatusSeeOther, status, body)
		require.Equal(t, []string{"/gloebit/connect at 1", "/gloebit/callback at 2", "/buy at 3"}, v.seen)
		require.Equal(t, "960", f.gloebit.Balance("alice"))
	})
}

func TestConcurrentCallbacksExchangeOnce(t *testing.T) {
	onEveryStore(t, 3, func(t *testing.T, f *fleet) {
		v := f.visitor()
		var callback *url.URL
		v.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Path == "/gloebit/callback" {
				callback = r.URL
				return http.ErrUseLastResponse
			}
			return nil
		}
		v.do(http.MethodGet, f.shop+"/gloebit/connect", nil)
		v.client.CheckRedirect = testkit.Stay
		v.client.Transport = nil
		var group sync.WaitGroup
		codes := make(chan int, 30)
		for i := range 30 {
			group.Go(func() {
				// Each has its own query, because a replica handles equal callbacks once.
				target := fmt.Sprintf("%s%s&n=%d", f.replicas[i%3], callback.RequestURI(), i)
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
				resp, err := v.client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				codes <- resp.StatusCode
			})
		}
		group.Wait()
		close(codes)
		good := 0
		for code := range codes {
			if code == http.StatusSeeOther {
				good++
			}
		}
		require.Equal(t, 1, good)
		require.Equal(t, 1, f.exchanges())
	})
}

func TestThousandRequestsRefreshOnce(t *testing.T) {
	onEveryStore(t, 4, func(t *testing.T, f *fleet) {
		v := f.visitor()
		v.do(http.MethodGet, f.shop+"/", nil)
		require.Equal(t, 1, f.exchanges())
		v.client.Transport = &http.Transport{MaxIdleConnsPerHost: 50, MaxConnsPerHost: 50}
		v.client.Timeout = 2 * time.Minute
		f.gloebit.ExpireTokens("alice")
		var group sync.WaitGroup
		for i := range 1000 {
			group.Go(func() {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, f.replicas[i%4]+"/", nil)
				resp, err := v.client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("You have 1000 G$.")) {
					t.Errorf("status %d: %.200s", resp.StatusCode, body)
				}
			})
		}
		group.Wait()
		require.Equal(t, 2, f.exchanges(), "one for the code, one refresh, counted at the provider")
	})
}

func TestReplicaKilledDuringRefreshReleasesLock(t *testing.T) {
	onEveryStore(t, 2, func(t *testing.T, f *fleet) {
		v := f.visitor()
		v.do(http.MethodGet, f.shop+"/", nil)
		f.gloebit.ExpireTokens("alice")
		f.gloebit.ResetRequests()
		f.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Times: 1, Latency: 2 * time.Second, Drop: true})
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, f.replicas[0]+"/", nil)
			client := &http.Client{Jar: v.client.Jar}
			if resp, err := client.Do(req); err == nil {
				resp.Body.Close()
			}
		}()
		require.Eventually(
			t, func() bool { return f.exchanges() == 1 }, 10*time.Second, 10*time.Millisecond, "the refresh is in flight",
		)
		require.NoError(t, syscall.Kill(f.pids[0], syscall.SIGKILL))
		<-killed
		start := time.Now()
		status, body := v.do(http.MethodGet, f.replicas[1]+"/", nil)
		require.Equal(t, http.StatusOK, status, body)
		require.Contains(t, body, "You have 1000 G$.", "the credential is whole, and refreshed")
		require.Less(t, time.Since(start), 10*time.Second, "a lease is 2 seconds, and a connection that ends frees at once")
		status, body = v.do(http.MethodGet, f.shop+"/", nil)
		require.Equal(t, http.StatusOK, status, body)
		for range 4 { // every other is sent to the dead one first
			status, body = v.do(http.MethodPost, f.shop+"/buy", url.Values{"order": {"o-1"}})
			require.Equal(t, http.StatusOK, status, body)
		}
		require.Equal(t, "960", f.gloebit.Balance("alice"))
	})
}

func TestProtectedHandlersFailClosedWithoutDatabase(t *testing.T) {
	onEveryStore(t, 2, func(t *testing.T, f *fleet) {
		v := f.visitor()
		status, _ := v.do(http.MethodGet, f.shop+"/", nil)
		require.Equal(t, http.StatusOK, status)
		f.wire.setCut(true)
		f.gloebit.ResetRequests()
		for range 4 {
			status, body := v.do(http.MethodGet, f.shop+"/", nil)
			require.Equal(t, http.StatusServiceUnavailable, status, body)
			require.NotContains(t, body, "G$")
			status, _ = v.do(http.MethodPost, f.shop+"/buy", url.Values{"order": {"o"}})
			require.Equal(t, http.StatusServiceUnavailable, status)
		}
		require.Empty(t, f.gloebit.Requests(), "no handler ran: Gloebit was asked nothing")
		f.wire.setCut(false)
		require.Eventually(t, func() bool {
			status, _ := v.do(http.MethodGet, f.shop+"/", nil)
			return status == http.StatusOK
		}, 20*time.Second, 100*time.Millisecond, "and everything recovers")
	})
}

// TestTrafficSurvivesDatabaseOutages loads pages from eight visitors while the
// database fails and recovers three times.
func TestTrafficSurvivesDatabaseOutages(t *testing.T) {
	onEveryStore(t, 2, func(t *testing.T, f *fleet) {
		v := f.visitor()
		status, _ := v.do(http.MethodGet, f.shop+"/", nil)
		require.Equal(t, http.StatusOK, status)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var mu sync.Mutex
		seen := map[int]int{}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				client := &http.Client{Jar: v.client.Jar, Timeout: 20 * time.Second}
				for ctx.Err() == nil {
					req, _ := http.NewRequestWithContext(ctx, http.MethodGet, f.shop+"/", nil)
					resp, err := client.Do(req)
					if err != nil {
						continue // the end of the test
					}
					body, _ := io.ReadAll(resp.Body)
					resp.Body.Close()
					if resp.StatusCode != http.StatusOK && bytes.Contains(body, []byte("G$")) {
						t.Errorf("the protected page came with status %d", resp.StatusCode)
					}
					mu.Lock()
					seen[resp.StatusCode]++
					mu.Unlock()
				}
			})
		}
		count := func(status int) int {
			mu.Lock()
			defer mu.Unlock()
			return seen[status]
		}
		more := func(status int) {
			t.Helper()
			before := count(status)
			require.Eventually(
				t, func() bool { return count(status) > before+8 }, 30*time.Second, 20*time.Millisecond, "no more of %d", status,
			)
		}
		for range 3 {
			more(http.StatusOK)
			f.wire.setCut(true)
			more(http.StatusServiceUnavailable)
			f.wire.setCut(false)
		}
		more(http.StatusOK)
		stop()
		group.Wait()
		mu.Lock()
		defer mu.Unlock()
		for status := range seen {
			require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, status, "%v", seen)
		}
	})
}

func TestUnreachableDatabaseIsExplained(t *testing.T) {
	for store, dsn := range map[string]string{
		"postgres": "postgres://postgres@127.0.0.1:1/none?sslmode=disable", "mysql": "root@tcp(127.0.0.1:1)/none",
		"redis": "redis://127.0.0.1:1/0",
	} {
		err := run(
			t.Context(), []string{"-store", store, "-dsn", dsn, "-addr", "127.0.0.1:0", "-sandbox-addr", "127.0.0.1:0"},
			io.Discard, io.Discard,
		)
		require.ErrorContains(
			t, err, store+" can't be reached: start it, name another server with -dsn, or choose another -store",
		)
	}
	require.ErrorContains(
		t, run(t.Context(), []string{"-store", "paper"}, io.Discard, io.Discard), "want postgres, mysql or redis",
	)
	require.ErrorContains(t, run(t.Context(), []string{"-replicas", "0"}, io.Discard, io.Discard), "want 1 to 64")
}
