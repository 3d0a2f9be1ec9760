package redisstore_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// server is a Redis of the test's own, which it may stop and start again.
type server struct {
	t       *testing.T
	network string
	address string
	args    []string
	command *exec.Cmd
	exited  chan struct{}
	output  *bytes.Buffer // to be read after the exit
}

// newServer starts a Redis on a socket, which no other process can take while
// it is stopped. Its files go with the test.
func newServer(t *testing.T) *server {
	t.Helper()
	dir := serverDir(t)
	socket := filepath.Join(dir, "socket")
	s := &server{t: t, network: "unix", address: socket, args: []string{
		"--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}}
	s.start()
	return s
}

// newTCPServer starts a Redis on its own ports. It tries other ports if another
// process takes one.
func newTCPServer(t *testing.T, args func() []string) *server {
	t.Helper()
	var said string
	for range 30 {
		port := freePort(t)
		s := &server{t: t, network: "tcp", address: "127.0.0.1:" + port, args: append([]string{
			"--bind", "127.0.0.1", "--port", port, "--dir", serverDir(t), "--save", "",
		}, args()...)}
		if s.tryStart() {
			return s
		}
		s.kill()
		said = s.output.String()
	}
	t.Fatal("no redis-server has started on thirty ports: ", said)
	return nil
}

func serverDir(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(t, "no redis-server in the PATH, of which this test starts its own")
	}
	dir, err := os.MkdirTemp("", "redis") // not t.TempDir: the name of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

func (s *server) start() {
	s.t.Helper()
	require.True(s.t, s.tryStart(), "redis-server does not start")
}

// tryStart starts the server and waits until it responds.
func (s *server) tryStart() bool {
	s.t.Helper()
	command, exited := exec.Command("redis-server", s.args...), make(chan struct{})
	s.output = new(bytes.Buffer)
	command.Stdout, command.Stderr = s.output, s.output
	require.NoError(s.t, command.Start())
	go func() { _ = command.Wait(); close(exited) }()
	s.command, s.exited = command, exited
	s.t.Cleanup(s.kill)
	client := s.client(s.t, 0)
	itself := fmt.Sprintf("process_id:%d\r\n", command.Process.Pid)
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		info, err := client.Info(s.t.Context(), "server").Result()
		if err == nil && strings.Contains(info, itself) {
			return true
		}
		select {
		case <-exited:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}

// kill ends the server at once, as a power cut would.
func (s *server) kill() {
	_ = s.command.Process.Kill()
	<-s.exited
}

// client connects to the server, with that many retries.
func (s *server) client(t *testing.T, retries int) *redis.Client {
	t.Helper()
	if retries == 0 {
		retries = -1 // which is what go-redis takes for none
	}
	client := redis.NewClient(&redis.Options{
		Network: s.network, Addr: s.address, ContextTimeoutEnabled: true, MaxRetries: retries, DialerRetries: 1,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
