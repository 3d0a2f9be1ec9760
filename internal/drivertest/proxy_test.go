package drivertest_test

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between a store and its server, and can be cut or frozen.
type proxy struct {
	addr     string
	upstream string
	listener net.Listener

	mu     sync.Mutex
	down   bool
	frozen chan struct{} // nothing passes until it is closed
	conns  map[net.Conn]bool
}

func newProxy(t *testing.T, upstream string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{
		addr: listener.Addr().String(), upstream: upstream, listener: listener, frozen: make(chan struct{}),
		conns: map[net.Conn]bool{},
	}
	close(p.frozen)
	var group sync.WaitGroup
	group.Go(func() { p.serve(&group) })
	t.Cleanup(func() {
		_ = listener.Close()
		p.thaw()
		p.cut()
		group.Wait()
	})
	return p
}

func (p *proxy) serve(group *sync.WaitGroup) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.upstream)
		if err != nil || !p.keep(client, server) {
			_ = client.Close()
			continue
		}
		group.Go(func() { p.pass(client, server) })
		group.Go(func() { p.pass(server, client) })
	}
}

// keep remembers a pair of connections, unless the proxy is down.
func (p *proxy) keep(client, server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		_ = server.Close()
		return false
	}
	p.conns[client], p.conns[server] = true, true
	return true
}

func (p *proxy) pass(to, from net.Conn) {
	defer p.forget(to, from)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		frozen := p.frozen
		p.mu.Unlock()
		<-frozen
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
		delete(p.conns, conn)
	}
}

// cut closes all connections and lets no new one through.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for conn := range p.conns {
		_ = conn.Close()
	}
}

// restore lets new connections through again.
func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// freeze keeps connections open but forwards nothing, as when a machine has
// left the network.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = make(chan struct{})
}

func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.frozen:
	default:
		close(p.frozen)
	}
}
