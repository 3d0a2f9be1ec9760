package story

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/books"
	"github.com/go-gloebit/gloebit/examples/internal/launch"
	"github.com/go-gloebit/gloebit/gloebittest"
)

// world is a shop and the Gloebit it charges at, both on free ports.
type world struct {
	shopURL, sandboxURL string
	appKey              string
	gloebit             *gloebittest.Gloebit
	books               *books.Books

	t        *testing.T
	build    launch.Build
	watch    *watch // of what the shop lets out
	file     string // of the shop's books; empty is memory
	settings launch.Settings
	open     atomic.Pointer[launch.Shop] // nil while the shop is closed
	stop     func()                      // what runs behind the shop
	deaf     atomic.Bool                 // Gloebit's callbacks don't reach the shop
}

// newWorld is a world in which the shop keeps everything in memory.
func newWorld(t *testing.T, build launch.Build) *world {
	t.Helper()
	return startWorld(t, build, "", launch.Settings{})
}

// newLastingWorld is a world in which the shop keeps everything in a file.
func newLastingWorld(t *testing.T, build launch.Build) *world {
	t.Helper()
	return startWorld(t, build, filepath.Join(t.TempDir(), "shop.db"), launch.Settings{})
}

// startWorld opens a shop that may be in a hurry: that is all that it takes from
// the settings.
func startWorld(t *testing.T, build launch.Build, file string, s launch.Settings) *world {
	t.Helper()
	s.SettleWait = 5 * time.Second // the race detector is slow
	w := &world{t: t, build: build, watch: new(watch), file: file, settings: s}
	server := httptest.NewUnstartedServer(w.watch.shopSide(http.HandlerFunc(w.serve)))
	server.Config.ErrorLog = log.New(seen{w.watch, "log"}, "", 0)
	server.Start()
	w.shopURL = server.URL
	box, err := launch.NewSandbox(w.shopURL, "", nil)
	require.NoError(t, err)
	gloebitServer := httptest.NewServer(w.watch.gloebitSide(box.Handler()))
	w.watch.shop, w.watch.provider = server.URL, gloebitServer.URL
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- box.Run(ctx) }()
	t.Cleanup(func() {
		server.Close()
		w.closeShop()
		gloebitServer.Close()
		stop()
		<-ran
		w.noSecretShows()
	})
	app := box.Application()
	w.sandboxURL, w.appKey, w.gloebit = gloebitServer.URL, app.Key, box.Gloebit()
	w.settings.URL, w.settings.Provider = w.shopURL, launch.SandboxProvider(w.sandboxURL)
	w.settings.ClientID, w.settings.ClientSecret = app.Key, gloebit.Secret(app.Secret)
	w.settings.Logger, w.settings.Trial = w.watch.logger(t.Output()), true
	w.openShop()
	return w
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	shop := w.open.Load()
	if shop == nil || w.deaf.Load() && strings.HasPrefix(r.URL.Path, launch.HoldPath) {
		http.Error(rw, "the shop is closed", http.StatusServiceUnavailable)
		return
	}
	shop.Handler.ServeHTTP(rw, r)
}

// openShop builds the shop, with what its file remembers.
func (w *world) openShop() {
	w.t.Helper()
	var err error
	w.books, err = books.Open(context.Background(), w.file, w.appKey)
	require.NoError(w.t, err)
	for _, key := range w.books.Keys {
		w.watch.Secret("hold URL key", key.Reveal())
	}
	w.settings.Books = w.books
	shop, err := w.build(w.settings)
	require.NoError(w.t, err)
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- shop.Purchases.Run(ctx) }()
	w.stop = func() {
		stop()
		<-ran
		require.NoError(w.t, w.books.Close())
	}
	w.open.Store(&shop)
}

// closeShop closes the shop, if it is open. No request is in flight.
func (w *world) closeShop() {
	if w.open.Swap(nil) != nil {
		w.stop()
	}
}

// noSecretShows looks for secrets in all that the shop has let out and kept,
// after each story.
func (w *world) noSecretShows() {
	w.t.Helper()
	w.keep()
	w.watch.Wants(w.t, leaktest.ReadTable(w.t, whereSecretsGo))
}

// keep lets the watch look into the file of the shop's books as it is now.
func (w *world) keep() {
	w.t.Helper()
	if w.file != "" {
		w.watch.kept(w.t, w.file)
	}
}

// loses takes a table out of the shop's books, and returns what puts it back.
// Each table has a name of its own when it is lost: a connection that does not
// know yet that another one was found again would find that name taken.
func (w *world) loses(t *testing.T, table string) (find func()) {
	t.Helper()
	rename := func(from, to string) {
		t.Helper()
		_, err := w.books.DB().Exec("ALTER TABLE " + from + " RENAME TO " + to)
		require.NoError(t, err)
	}
	rename(table, "lost_"+table)
	return func() { rename("lost_"+table, table) }
}

// settled waits until Gloebit has made all of its callbacks.
func (w *world) settled() {
	w.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	require.NoError(w.t, w.gloebit.Settle(ctx))
}

// paid returns how many transactions took gloebits.
func (w *world) paid() int {
	w.t.Helper()
	w.settled()
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
	kept, err := books.Open(t.Context(), "", s.ClientID)
	require.NoError(t, err)
	defer kept.Close()
	s.Books, s.Logger = kept, slog.New(slog.DiscardHandler)
	shop, err := build(s)
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	shop.Handler.ServeHTTP(recorder, r)
	return recorder.Result()
}
