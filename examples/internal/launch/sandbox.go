package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/sandbox"
	"golang.org/x/sync/errgroup"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
)

// CallbackPath is where the shops mount the callback handler, and HoldPath
// where they mount the ledger's handler.
const (
	CallbackPath = "/gloebit/callback"
	HoldPath     = "/gloebit/hold"
)

// NewSandbox returns a sandbox with the shop at that URL and its products. It
// keeps its state in the file. If the name is empty, it keeps its state in
// memory.
func NewSandbox(shopURL, file string, logger *slog.Logger) (*sandbox.Sandbox, error) {
	var products []gloebittest.Product
	for _, p := range catalogue.New().Products() {
		products = append(products, gloebittest.Product{Name: p.Slug, Description: p.Line, Price: p.Price})
	}
	return sandbox.New(sandbox.Config{
		Name:             "Brim & Feather",
		HomeURL:          shopURL + "/",
		RedirectPrefixes: []string{shopURL + "/"},
		Products:         products,
		StateFile:        file,
		Logger:           logger,
	})
}

// SandboxProvider returns the provider for a sandbox at that URL.
func SandboxProvider(sandboxURL string) gloebit.Provider {
	provider := gloebit.ProviderAt(sandboxURL)
	provider.PKCE = true // the sandbox supports it; Gloebit's documents don't mention it
	provider.AccountURL = sandboxURL + "/account"
	return provider
}

// startSandbox runs a sandbox in the group until ctx ends, and sets it in the
// settings.
func startSandbox(ctx context.Context, group *errgroup.Group, o options, s *Settings) (string, error) {
	box, err := NewSandbox(s.URL, o.sandboxFile(), s.Logger)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", o.sandboxAddr)
	if err != nil {
		return "", fmt.Errorf("%w: name another address with -sandbox-addr", err)
	}
	at := address(listener)
	s.Provider, s.Trial = SandboxProvider(at), true
	s.ClientID, s.ClientSecret = box.Application().Key, gloebit.Secret(box.Application().Secret)
	group.Go(func() error { return serve(ctx, listener, box.Handler(), s.Logger) })
	group.Go(func() error {
		if err := box.Run(ctx); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	})
	return at, nil
}
