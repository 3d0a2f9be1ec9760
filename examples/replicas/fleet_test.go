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
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
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
		done <- run(ctx, []string{
			"-store", b.store, "-dsn", b.dsn, "-prefix", rand.Text() + ":", "-lease", "2s",
			"-replicas", fmt.Sprint(replicas), "-addr", "127.0.0.1:0", "-gloebit", strings.TrimSuffix(f.gloebit.URL, "/"),
		}, out, io.Discard)
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
