package sandbox

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// Config is what a sandbox starts with. The zero value works: it has an application named "Hat Shop"
// with a key and a secret made for it, the users alice and bob with 1,000 G$ each, and keeps everything
// in memory.
type Config struct {
	// ClientID is the key of the application to start with. Empty means the one that the state file
	// has, or else a new random one.
	ClientID string
	// ClientSecret is its secret. Empty means the one that the state file has, or else a new random one.
	ClientSecret string
	// Name is what users see. Empty means the one in the state file, or else "Hat Shop".
	Name string
	// HomeURL is where pages link back to. Empty means the one in the state file, or else none: links
	// then lead to the root of the site that the user came from.
	HomeURL string
	// RedirectPrefixes are the absolute URLs below which users may be sent back. They replace those in
	// the state file. Empty means to keep those, or else http://127.0.0.1:8080/ and
	// http://localhost:8080/.
	RedirectPrefixes []string
	// Products is what the application sells, unless it is in the state file already. Nil means a green
	// hat at 40 G$ and a few more things.
	Products []gloebittest.Product

	// Hosts are host names under which the sandbox answers, without ports. It always answers under
	// localhost, names that end with .localhost, loopback and unspecified addresses, and the IP address that
	// a request came in on. Requests for any other host get status 421.
	Hosts []string

	// StateFile keeps everything but sign-ins across restarts. No answer leaves before what it says is
	// in the file. Empty means that everything is forgotten. Only one sandbox may use a file at a time.
	StateFile string
	// Logger receives failures, and what the Gloebit itself logs; never a secret. Nil means silence.
	Logger *slog.Logger
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time
}

// openingBalance is what every new account holds, in G$.
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

// addUsers adds the people that a new sandbox has.
func (s *Sandbox) addUsers() error {
	for _, name := range []string{"alice", "bob"} {
		if _, err := s.addUser(name); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	return nil
}

// setUp makes sure that the application to start with is there and is as cfg says. key is the one that
// the state file names, or empty.
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

// override puts what cfg says over what the application has.
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
