package story

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/examples/internal/books"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/stretchr/testify/require"
)

// whatThereIsIsPrinted prints every value of the packages that contains a
// secret, directly or in a field.
func whatThereIsIsPrinted(t *testing.T, w *world) {
	sealing := sealed.Key{ID: "k", Secret: gloebit.Secret("a sealing key that is not printed"[:32])}
	w.watch.Secret("sealing key", sealing.Secret.Reveal())
	tokens, err := sealed.New(&gloebit.MemoryTokenStore{}, sealing)
	require.NoError(t, err)
	shelf := newVisitor(t).open(w.shopURL).connect("alice")
	require.NotEmpty(t, shelf.balance())
	// Printing reads the fields of a database, which must not be in use.
	w.closeShop()
	idle, err := books.Open(t.Context(), w.file, w.appKey)
	require.NoError(t, err)
	defer w.openShop()
	defer idle.Close()
	config := gloebit.Config{
		ClientID: w.settings.ClientID, ClientSecret: w.settings.ClientSecret, Provider: w.settings.Provider,
		RedirectURL: w.shopURL + "/gloebit/callback", Tokens: idle.Tokens, States: idle.Store,
	}
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	user, ok := w.gloebit.User("alice")
	require.True(t, ok)
	client, err := merchant.Client(t.Context(), user.ID)
	require.NoError(t, err)
	credential, err := idle.Tokens.Load(t.Context(), connect.Key{Realm: merchant.Realm(), ID: user.ID})
	require.NoError(t, err)
	require.NotEmpty(t, credential.RefreshToken)
	w.watch.Secret("access token", credential.AccessToken.Reveal())
	settings := ledger.Config{Merchant: merchant, Store: idle.Purchases, CallbackURL: w.shopURL + "/hold", Keys: idle.Keys}
	purchases, err := ledger.New(settings)
	require.NoError(t, err)
	some, err := purchases.List(t.Context(), ledger.Query{})
	require.NoError(t, err)
	require.NotEmpty(t, some)
	verifier := strings.Repeat("verifier", 6)
	w.watch.Secret("PKCE verifier", verifier)
	pending := connect.PendingConnection{UserID: "alice", Secret: gloebit.Secret(verifier), ExpiresAt: time.Now()}
	memory := &gloebit.MemoryTokenStore{}
	states := &gloebit.MemoryStateStore{}
	require.NoError(t, states.Put(t.Context(), connect.Key{Realm: merchant.Realm(), ID: "key"}, pending))

	for _, value := range []any{
		config, merchant, client, credential, &credential, pending, &pending, settings, purchases, some, some[0],
		sealing, tokens, memory, states, idle, idle.Store, idle.Purchases, idle.Tokens,
		connect.Application{ClientID: "id", ClientSecret: w.settings.ClientSecret}, client.User(), merchant.ConnectURL("/"),
	} {
		w.watch.printed("value", value)
		w.watch.logger(t.Output()).Info("value", "value", value, slog.Any("again", value))
	}
}
