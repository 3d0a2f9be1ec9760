package sandbox

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// Config configures a Sandbox. The zero value is valid: it has an application
// named "Hat Shop" with a random key and secret, the users alice and bob with
// 1,000 G$ each, and keeps everything in memory.
type Config struct {
	// ClientID is the key of the first application. The default is the one in
	// the state file, or else a random one.
	ClientID string
	// ClientSecret is its secret. The default is the one in the state file, or
	// else a random one.
	ClientSecret string
	// Name is the application's name for users. The default is the one in the
	// state file, or else "Hat Shop".
	Name string
	// HomeURL is the page to which links lead back. The default is the one in
	// the state file, or else none: links then lead to the root of the site
	// that the user came from.
	HomeURL string
	// RedirectPrefixes are the absolute URLs below which users may be
	// redirected. They replace those in the state file. The default is those in
	// the state file, or else http://127.0.0.1:8080/ and
	// http://localhost:8080/.
	RedirectPrefixes []string
	// Products are the application's products, unless the state file already
	// has the application. The default is a green hat for 40 G$ and a few more.
	Products []gloebittest.Product

	// Hosts are additional host names, without ports, under which the sandbox
	// responds. It always responds under localhost, names that end with
	// .localhost, loopback and unspecified addresses, and the IP address at
	// which a request arrived. Requests for any other host get status 421.
	Hosts []string

	// StateFile is the file that keeps everything except sign-ins across
	// restarts. A response is sent only after the state that it reports is in
	// the file. Only one sandbox may use a file at a time. If empty, everything
	// is kept in memory.
	StateFile string
	// Logger receives failures, and the log of the test Gloebit; never a
	// secret. If nil, nothing is logged.
	Logger *slog.Logger
	// Clock tells the time. The default is time.Now.
	Clock func() time.Time
}

// openingBalance is the balance of a new account, in G$.
const openingBalance = 1000

func defaultProducts() []gloebittest.Product {
	return []gloebittest.Product{
		{Name: "green-hat", Description: "A hat, as green as they come", Price: 40},
		{Name: "straw-hat", Description: "Light as a summer afternoon", Price: 30},
		{Name: "night-cap", Description: "For sleeping under the stars", Price: 35},
		{Name: "red-scarf", Description: "Long, warm, and red", Price: 25},
		{Name: "health-potion", Description: "One sip and you feel better", Price: 5},
		{Name: "golden-crown", Description: "For users who have nearly everything", Price: 900},
	}
}

// addUsers adds the users of a new sandbox.
func (s *Sandbox) addUsers() error {
	for _, name := range []string{"alice", "bob"} {
		if _, err := s.addUser(name); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	return nil
}

// setUp creates the first application if it is missing, and configures it from
// cfg. key is its key in the state file, or empty.
func (s *Sandbox) setUp(cfg Config, key string) error {
	if cfg.ClientID != "" {
		key = cfg.ClientID
	}
	app, known := s.gloebit.Application(key)
	if !known {
		app = gloebittest.Application{
			Key:              cfg.ClientID,
			Name:             "Hat Shop",
			RedirectPrefixes: []string{"http://127.0.0.1:8080/", "http://localhost:8080/"},
			Products:         cfg.Products,
		}
		if app.Products == nil {
			app.Products = defaultProducts()
		}
	}
	if err := override(&app, cfg); err != nil {
		return err
	}
	if known {
		s.key = app.Key
		return wrap(s.gloebit.SetApplication(app))
	}
	app, err := s.gloebit.AddApplication(app)
	s.key = app.Key
	return wrap(err)
}

// override replaces the application's settings with those set in cfg.
func override(app *gloebittest.Application, cfg Config) error {
	if cfg.ClientSecret != "" {
		app.Secret = cfg.ClientSecret
	}
	if cfg.Name != "" {
		app.Name = cfg.Name
	}
	if cfg.HomeURL != "" {
		if _, ok := webURL(cfg.HomeURL); !ok {
			return errors.New("sandbox: Config.HomeURL is not an http or https URL")
		}
		app.HomeURL = cfg.HomeURL
	}
	if len(cfg.RedirectPrefixes) > 0 {
		app.RedirectPrefixes = slices.Clone(cfg.RedirectPrefixes)
	}
	return nil
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}
