package gloebittest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a [Gloebit] on a loopback port.
type Server struct {
	*Gloebit
	// URL is the server's root, "http://127.0.0.1:PORT/".
	URL string

	http    *http.Server
	stop    context.CancelFunc
	done    sync.WaitGroup
	mu      sync.Mutex
	fresh   map[net.Conn]bool // connections that have sent nothing yet
	closing bool              // new connections are closed at once
	once    sync.Once
}

// NewServer starts a Gloebit with the zero Config on a free loopback port and
// runs its queue. The caller must call Close.
//
// NewServer panics if no port is free.
func NewServer() *Server {
	return NewServerConfig(Config{})
}

// NewServerConfig is NewServer with a Config. The queue doesn't run if
// Config.Queue.Manual is set.
func NewServerConfig(cfg Config) *Server {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("gloebittest: no loopback port: " + err.Error())
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		Gloebit: New(cfg),
		URL:     "http://" + listener.Addr().String() + "/",
		stop:    stop,
		fresh:   make(map[net.Conn]bool),
	}
	s.http = &http.Server{
		Handler: s.Gloebit, ConnState: s.connState, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
	}
	s.done.Go(func() { _ = s.http.Serve(listener) })
	if !cfg.Queue.Manual {
		s.done.Go(func() { _ = s.Run(ctx) })
	}
	return s
}

// Close stops the server and its queue. It waits up to five seconds for
// requests in flight and then closes their connections. The methods of Gloebit
// can still be called. A second Close does nothing.
func (s *Server) Close() {
	s.once.Do(func() {
		s.stop()
		s.closeFresh()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			_ = s.http.Close()
		}
		s.done.Wait()
	})
}

// connState tracks the connections that have sent nothing. Shutdown would wait
// for them, because it can't tell them from slow ones.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.fresh, c)
	case s.closing:
		_ = c.Close()
	default:
		s.fresh[c] = true
	}
}

func (s *Server) closeFresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for c := range s.fresh {
		_ = c.Close()
	}
}
