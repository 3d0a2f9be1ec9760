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

// world is a shop and its Gloebit, both on free ports.
type world struct {
	shopURL, sandboxURL string
	appKey              string
	gloebit             *gloebittest.Gloebit
	books               *books.Books

	t             *testing.T
	build         launch.Build
	watch         *watch // of what the shop lets out
	file          string // of the shop's database; empty means memory
	settings      launch.Settings
	open          atomic.Pointer[launch.Shop] // nil while the shop is closed
	stop          func()                      // stops what runs behind the shop
	dropCallbacks atomic.Bool                 // drops Gloebit's callbacks to the shop
}

// newWorld returns a world whose shop keeps everything in memory.
func newWorld(t *testing.T, build launch.Build) *world {
	t.Helper()
	return startWorld(t, build, "", launch.Settings{})
}

// newLastingWorld returns a world whose shop keeps everything in a file.
func newLastingWorld(t *testing.T, build launch.Build) *world {
	t.Helper()
	return startWorld(t, build, filepath.Join(t.TempDir(), "shop.db"), launch.Settings{})
}

// startWorld opens a shop. It uses only the waits in the settings.
func startWorld(t *testing.T, build launch.Build, file string, s launch.Settings) *world {
	t.Helper()
	s.SettleWait = 5 * time.Second // the race detector is slow
	w := &world{t: t, build: build, watch: new(watch), file: file, settings: s}
	server := httptest.NewUnstartedServer(w.watch.shopSide(http.HandlerFunc(w.serve)))
	server.Config.ErrorLog = log.New(seenWriter{w.watch, "log"}, "", 0)
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
	if shop == nil || w.dropCallbacks.Load() && strings.HasPrefix(r.URL.Path, launch.HoldPath) {
		http.Error(rw, "the shop is closed", http.StatusServiceUnavailable)
		return
	}
	shop.Handler.ServeHTTP(rw, r)
}

// openShop builds the shop with the data in its file.
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

// closeShop closes the shop, if it is open. No request may be in flight.
func (w *world) closeShop() {
	if w.open.Swap(nil) != nil {
		w.stop()
	}
}

// noSecretShows searches for secrets in everything that the shop has output and
// stored. It runs after each story.
func (w *world) noSecretShows() {
	w.t.Helper()
	w.keep()
	w.watch.Wants(w.t, leaktest.ReadTable(w.t, whereSecretsGo))
}

// keep adds the current content of the shop's database file to the watch.
func (w *world) keep() {
	w.t.Helper()
	if w.file != "" {
		w.watch.kept(w.t, w.file)
	}
}

// loses renames a table of the shop's database, and returns a function that
// restores it. Each table gets a different name, because a connection that has
// not yet noticed an earlier restore would report that a shared name is taken.
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

// paid returns the number of transactions that charged gloebits.
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

// serveOnce returns the shop's response to one request, without a server.
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
