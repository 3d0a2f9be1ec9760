// Package sandbox is a Gloebit with web pages. Users sign in, approve
// applications, buy gloebits and see their history; merchants see their key and
// set up products. The in-memory server of package gloebittest handles
// everything else.
//
// It uses play money and has no access control: any visitor can sign in as
// anyone and sees every application's secret.
package sandbox

import (
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// Sandbox is a Gloebit with its pages. Make it with New. It is safe for
// concurrent use.
type Sandbox struct {
	gloebit  *gloebittest.Gloebit
	key      string // of the first application
	now      func() time.Time
	log      *slog.Logger
	sessions *sessions
	pages    map[string]*template.Template
	handler  http.Handler

	file *stateFile // nil means that nothing is kept

	// mu makes changes atomic that take several calls of the engine, and guards
	// the fields below.
	mu      sync.Mutex
	bought  []purchase // gloebits bought by users, oldest first
	changes uint64     // number of changes of bought
}

// New returns a sandbox. It reads and then writes the state file, if there is
// one. It returns an error if the file is not a sandbox's or can't be written,
// or if a field of cfg is invalid. It does not change a file that it can't
// read.
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

// start loads the state and applies cfg.
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

// Handler serves the pages, and Gloebit's authorization and API paths. It must
// be mounted at the root of a host.
func (s *Sandbox) Handler() http.Handler { return s.handler }

// Gloebit returns the engine, for tests that inspect it or inject failures.
func (s *Sandbox) Gloebit() *gloebittest.Gloebit { return s.gloebit }

// Application returns the first application in its current state, with its key
// and secret.
func (s *Sandbox) Application() gloebittest.Application {
	app, _ := s.gloebit.Application(s.key)
	return app
}
