// Package sandbox is a Gloebit for people: the pages on which users sign in, approve applications, buy
// gloebits and see their history, and merchants find their key and set up products, on top of the
// in-memory server of package gloebittest, which answers everything else.
//
// It is play money, and nothing in it is a barrier: a visitor may sign in as anyone and sees
// every application's secret.
package sandbox

import (
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// Sandbox is a Gloebit with its pages. New makes one. All methods may be called at once from many
// goroutines.
type Sandbox struct {
	gloebit  *gloebittest.Gloebit
	key      string // of the application to start with
	now      func() time.Time
	log      *slog.Logger
	sessions *sessions
	pages    map[string]*template.Template
	handler  http.Handler

	file *stateFile // nil: nothing is kept

	// mu makes changes whole that take several calls of the engine, and guards the fields below.
	mu      sync.Mutex
	bought  []purchase // gloebits bought by users, oldest first
	changes uint64     // of bought
}

// New makes a sandbox from cfg. With a state file it reads that first, and writes it, so that a file that
// can't be used is found out here. It fails when the file is not a sandbox's or can't be written, and
// when a field of cfg makes no sense; a file that it can't read is left as it is.
func New(cfg Config) (*Sandbox, error) {
	s := &Sandbox{now: cfg.Clock, log: cfg.Logger}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.sessions = newSessions(s.now)
	pages, err := parsePages()
	if err != nil {
		return nil, err
	}
	s.pages = pages
	engine := gloebittest.Config{
		Clock: cfg.Clock, Logger: cfg.Logger,
		Consent: s.consent, SubscriptionConsent: s.subscriptionConsent, Notice: s.notice,
	}
	if cfg.StateFile != "" {
		engine.HTTPClient = s.callbackClient()
	}
	s.gloebit = gloebittest.New(engine)
	if err := s.start(cfg); err != nil {
		return nil, err
	}
	s.handler, err = s.routes(normalHosts(cfg.Hosts))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// start loads what was kept and puts what cfg says over it.
func (s *Sandbox) start(cfg Config) error {
	key, found, err := s.load(cfg.StateFile)
	if err != nil {
		return err
	}
	if !found {
		if err := s.addUsers(); err != nil {
			return err
		}
	}
	if err := s.setUp(cfg, key); err != nil {
		return err
	}
	if cfg.StateFile == "" {
		return nil
	}
	s.file = &stateFile{path: cfg.StateFile, snapshot: s.snapshot}
	return s.file.save()
}

// Handler serves the pages, and the authorization and API paths of Gloebit, from the root path of a
// host of its own.
func (s *Sandbox) Handler() http.Handler { return s.handler }

// Gloebit is the engine below the pages: for tests that look into it or break it.
func (s *Sandbox) Gloebit() *gloebittest.Gloebit { return s.gloebit }

// Application is the application to start with as it is now, with its key and secret.
func (s *Sandbox) Application() gloebittest.Application {
	app, _ := s.gloebit.Application(s.key)
	return app
}
