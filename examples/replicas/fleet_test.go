package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// clientID and clientSecret are those of every fleet.
const clientID, clientSecret = "fleet", "the secret of every fleet"

// sideBySide is how many tests run at once unless -parallel says otherwise. Most
// wait for a storage that is away.
const sideBySide = "4"

// TestMain runs this test binary as a replica if a test has started it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-replica" {
		main()
		return
	}
	if err := errors.Join(
		os.Setenv("GLOEBIT_CLIENT_ID", clientID), os.Setenv("GLOEBIT_CLIENT_SECRET", clientSecret),
		flag.Set("test.parallel", sideBySide),
	); err != nil {
		panic(err)
	}
	// scs.New starts a goroutine that can't be stopped for certain.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"))
}

// backend is a database of the test's own, behind a proxy that can be cut.
type backend struct {
	store, dsn string
	wire       *wire
}

// backends are the three kinds of storage.
var backends = map[string]func(*testing.T) backend{
	"postgres": postgresBackend, "mysql": mysqlBackend, "redis": redisBackend,
}

func env(variable, standard string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return standard
}

// missing skips the test, or fails it where every service is required.
func missing(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s is not there: %v", what, err)
}

func postgresBackend(t *testing.T) backend {
	dsn := env("GLOEBIT_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	missing(t, "PostgreSQL", db.PingContext(t.Context()))
	schema := "replicas_" + strings.ToLower(rand.Text())
	_, err = db.Exec("CREATE SCHEMA " + schema)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = db.Exec("DROP SCHEMA " + schema + " CASCADE") })
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	w := newWire(t, u.Host)
	u.Host = w.address()
	query := u.Query()
	query.Set("search_path", schema)
	query.Set("connect_timeout", "2")
	u.RawQuery = query.Encode()
	return backend{"postgres", u.String(), w}
}

func mysqlBackend(t *testing.T) backend {
	dsn := env("GLOEBIT_TEST_MYSQL", "root@tcp(127.0.0.1:3306)/test")
	db, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	missing(t, "MariaDB", db.PingContext(t.Context()))
	name := "replicas_" + strings.ToLower(rand.Text())
	_, err = db.Exec("CREATE DATABASE " + name)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = db.Exec("DROP DATABASE " + name) })
	address := regexp.MustCompile(`tcp\(([^)]*)\)/[^?]*`)
	w := newWire(t, address.FindStringSubmatch(dsn)[1])
	return backend{"mysql", address.ReplaceAllString(dsn, "tcp("+w.address()+")/"+name), w}
}

func redisBackend(t *testing.T) backend {
	dsn := env("GLOEBIT_TEST_REDIS", "redis://127.0.0.1:6379/0")
	options, err := redis.ParseURL(dsn)
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	missing(t, "Redis", client.Ping(t.Context()).Err())
	w := newWire(t, options.Addr)
	return backend{"redis", strings.Replace(dsn, options.Addr, w.address(), 1), w}
}

// wire is a TCP connection that can be cut and mended.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	cut      bool
	open     map[net.Conn]bool
}

func newWire(t *testing.T, to string) *wire {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: listener, open: map[net.Conn]bool{}}
	t.Cleanup(func() { listener.Close(); w.setCut(true) })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil || !w.add(in, out) {
				in.Close()
				continue
			}
			go func() { _, _ = io.Copy(out, in); out.Close() }()
			go func() { _, _ = io.Copy(in, out); in.Close() }()
		}
	}()
	return w
}

func (w *wire) address() string { return w.listener.Addr().String() }

func (w *wire) add(in, out net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[in], w.open[out] = true, true
	return !w.cut
}

func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for conn := range w.open {
			conn.Close()
			delete(w.open, conn)
		}
	}
}

// fleet is a running program.
type fleet struct {
	t        *testing.T
	gloebit  *gloebittest.Server
	shop     string
	replicas []string // their URLs
	pids     []int
	wire     *wire
}

func startFleet(t *testing.T, b backend, replicas int) *fleet {
	t.Helper()
	f := &fleet{
		t: t, wire: b.wire,
		gloebit: gloebittest.NewServerConfig(gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true}),
	}
	t.Cleanup(f.gloebit.Close)
	app, err := f.gloebit.AddApplication(gloebittest.Application{
		Key: clientID, Secret: clientSecret, Name: "Shop",
		Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	require.NoError(t, err)
	_, err = f.gloebit.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)
	require.NoError(t, f.gloebit.Approve("alice"))

	ctx, cancel := context.WithCancel(t.Context())
	out := &output{ready: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-store", b.store, "-dsn", b.dsn, "-prefix", rand.Text() + ":", "-lease", "2s",
			"-replicas", fmt.Sprint(replicas), "-addr", "127.0.0.1:0", "-gloebit", strings.TrimSuffix(f.gloebit.URL, "/")}, out, io.Discard)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-out.ready:
	case err := <-done:
		done <- nil
		t.Fatalf("the fleet did not start: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the fleet did not start")
	}
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var name, address string
		var pid int
		if n, _ := fmt.Sscanf(line, "replica %s %s (process %d)", &name, &address, &pid); n == 3 {
			f.replicas, f.pids = append(f.replicas, address), append(f.pids, pid)
		} else if url, ok := strings.CutPrefix(line, "shop: "); ok {
			f.shop = url
		}
	}
	require.Len(t, f.replicas, replicas)
	app.RedirectPrefixes = []string{f.shop + "/"}
	require.NoError(t, f.gloebit.SetApplication(app))
	return f
}

// output waits for the line that says that everything runs.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	ready  chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if bytes.HasPrefix(p, []byte("shop: ")) {
		defer close(o.ready)
	}
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// visitor is a browser. Cookies ignore ports, so it can talk to the proxy and
// to each replica.
type visitor struct {
	f      *fleet
	client *http.Client
	seen   []string // who answered, each hop
}

func (f *fleet) visitor() *visitor {
	v := &visitor{f: f}
	v.client = &http.Client{Jar: testkit.NewJar(f.t), Timeout: 20 * time.Second, Transport: spy{v}}
	return v
}

type spy struct{ v *visitor }

func (s spy) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && resp.Header.Get("X-Replica") != "" {
		s.v.seen = append(s.v.seen, r.URL.Path+" at "+resp.Header.Get("X-Replica"))
	}
	return resp, err
}

func (v *visitor) do(method, target string, form url.Values) (int, string) {
	v.f.t.Helper()
	p := testkit.Load(v.f.t, v.client, testkit.NewRequest(v.f.t, method, target, form))
	return p.Status, p.Body
}

func (f *fleet) exchanges() (n int) {
	for _, r := range f.gloebit.Requests() {
		if strings.Contains(r.Path, "access-token") {
			n++
		}
	}
	return n
}

func onEveryStore(t *testing.T, replicas int, test func(*testing.T, *fleet)) {
	t.Parallel()
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, startFleet(t, open(t), replicas))
		})
	}
}

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
				// With a query of its own, or one replica's would wait for the first of them.
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
		require.ErrorContains(t, err, store+" is not there: start it, name another with -dsn, or take another -store")
	}
	require.ErrorContains(
		t, run(t.Context(), []string{"-store", "paper"}, io.Discard, io.Discard), "want postgres, mysql or redis",
	)
	require.ErrorContains(t, run(t.Context(), []string{"-replicas", "0"}, io.Discard, io.Discard), "want 1 to 64")
}
