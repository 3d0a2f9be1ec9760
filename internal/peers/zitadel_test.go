package peers_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/oauth2"
)

// newZitadel starts the provider of zitadel/oidc on the storage of its example,
// with a client that authenticates by Basic. Its API is the userinfo endpoint.
func newZitadel(t *testing.T, redirectURL string) *peer {
	p := startZitadel(t, redirectURL, storage.WebClient("app:1", clientSecret, redirectURL))
	p.secret = clientSecret
	p.introspectAs = url.UserPassword("app:1", clientSecret)
	return p
}

// newPublicZitadel starts the same provider with a client that has no secret.
func newPublicZitadel(t *testing.T, redirectURL string) *peer {
	p := startZitadel(t, redirectURL, storage.NativeClient("app:1", redirectURL))
	p.server.PublicClient = true
	return p
}

func startZitadel(t *testing.T, redirectURL string, client *storage.Client) *peer {
	t.Helper()
	p := &peer{
		clientID: "app:1", optional: "email", refused: http.StatusForbidden,
		scopes: []connect.Scope{"openid", "offline_access", "profile", "email"},
	}
	p.start(t, redirectURL, func(baseURL string) http.Handler {
		store := &accessTokens{
			Storage: storage.NewStorageWithClients(
				storage.NewUserStore(baseURL), map[string]*storage.Client{"app:1": client}),
		}
		p.expire = func(t *testing.T) { store.removeAll(t) }
		p.api = baseURL + "/userinfo"
		p.server = connect.Server{
			Name: "Zitadel", PKCE: true, RevokeURL: baseURL + "/revoke",
			Endpoint: oauth2.Endpoint{AuthURL: baseURL + "/authorize", TokenURL: baseURL + "/oauth/token"},
		}
		config := &op.Config{CryptoKey: [32]byte{1}, CodeMethodS256: true, GrantTypeRefreshToken: true}
		provider, err := op.NewProvider(config, store, op.StaticIssuer(baseURL), op.WithAllowInsecure())
		require.NoError(t, err)
		mux := http.NewServeMux()
		mux.Handle("/", provider)
		issuer := op.NewIssuerInterceptor(provider.IssuerFromRequest)
		mux.Handle("/login/username", issuer.Handler(zitadelLogin(provider, store.Storage)))
		return mux
	})
	return p
}

// zitadelLogin is the page to which the provider sends the user.
func zitadelLogin(provider *op.Provider, store *storage.Storage) http.Handler {
	return consent(func(w http.ResponseWriter, r *http.Request) {
		id := r.FormValue("authRequestID")
		ask, err := store.AuthRequestByID(r.Context(), id)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if r.PostFormValue("answer") == "deny" {
			op.AuthRequestError(w, r, ask, oidc.ErrAccessDenied(), provider)
			return
		}
		ask.(*storage.AuthRequest).Scopes = r.PostForm["grant"]
		if err := store.CheckUsernamePassword("test-user2", "verysecure", id); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, op.AuthCallbackURL(provider)(r.Context(), id), http.StatusFound)
	})
}

// accessTokens is the storage of the example, whose access tokens can be removed
// as if they had expired.
type accessTokens struct {
	*storage.Storage
	mu  sync.Mutex
	ids []string
}

// CreateAccessAndRefreshTokens implements [op.Storage].
func (s *accessTokens) CreateAccessAndRefreshTokens(
	ctx context.Context, request op.TokenRequest, current string,
) (id, refreshToken string, expiration time.Time, err error) {
	id, refreshToken, expiration, err = s.Storage.CreateAccessAndRefreshTokens(ctx, request, current)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, id)
	return id, refreshToken, expiration, err
}

func (s *accessTokens) removeAll(t *testing.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.ids {
		require.Nil(t, s.RevokeToken(t.Context(), id, "id2", "app:1"))
	}
}
