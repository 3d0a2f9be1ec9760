package story

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
	"github.com/go-gloebit/gloebit/gloebittest"
)

// world is a shop and the Gloebit it charges at, both on free ports.
type world struct {
	shopURL, sandboxURL string
	appKey              string
	gloebit             *gloebittest.Gloebit
}

func newWorld(t *testing.T, build launch.Build) *world {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	server := httptest.NewUnstartedServer(nil)
	shopURL := "http://" + server.Listener.Addr().String()

	box, err := launch.NewSandbox(shopURL, nil)
	require.NoError(t, err)
	gloebitServer := httptest.NewServer(box.Handler())
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- box.Run(ctx) }()

	app := box.Application()
	handler, err := build(launch.Settings{
		URL: shopURL, Provider: launch.SandboxProvider(gloebitServer.URL),
		ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret), Logger: logger,
	})
	require.NoError(t, err)
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(func() {
		server.Close()
		gloebitServer.Close()
		stop()
		<-ran
	})
	return &world{shopURL: shopURL, sandboxURL: gloebitServer.URL, appKey: app.Key, gloebit: box.Gloebit()}
}

// paid returns how many transactions took gloebits.
func (w *world) paid() int {
	count := 0
	for _, transaction := range w.gloebit.Transactions() {
		if transaction.State == gloebittest.StateSettled {
			count++
		}
	}
	return count
}

// serveOnce gives the shop's answer to one request, without a server.
func serveOnce(t *testing.T, build launch.Build, s launch.Settings, r *http.Request) *http.Response {
	t.Helper()
	s.Logger = slog.New(slog.DiscardHandler)
	handler, err := build(s)
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder.Result()
}
