package peers_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// newFosite starts a server of ory/fosite, whose client authenticates by Basic
// and must use PKCE. Its resource server introspects each token.
func newFosite(t *testing.T, redirectURL string) *peer {
	return startFosite(t, redirectURL, "client_secret_basic")
}

// newPublicFosite starts a server of ory/fosite, whose client has no secret.
func newPublicFosite(t *testing.T, redirectURL string) *peer {
	return startFosite(t, redirectURL, "none")
}

func startFosite(t *testing.T, redirectURL, authMethod string) *peer {
	t.Helper()
	config := &fosite.Config{
		GlobalSecret: []byte("0123456789abcdef0123456789abcdef"), HashCost: 4,
		EnforcePKCE: true, RefreshTokenScopes: []string{},
	}
	hash, err := (&fosite.BCrypt{Config: config}).Hash(t.Context(), []byte(clientSecret))
	require.NoError(t, err)
	store := &fositeStore{MemoryStore: storage.NewMemoryStore()}
	store.Clients["resource"] = &fosite.DefaultClient{ID: "resource", Secret: hash}
	store.Clients["app:1"] = &fosite.DefaultOpenIDConnectClient{
		DefaultClient: &fosite.DefaultClient{
			ID: "app:1", Secret: hash, RedirectURIs: []string{redirectURL}, Public: authMethod == "none",
			GrantTypes: []string{"authorization_code", "refresh_token"}, Scopes: []string{"photos", "mail"},
		},
		TokenEndpointAuthMethod: authMethod,
	}
	server := compose.Compose(config, store, &compose.CommonStrategy{CoreStrategy: compose.NewOAuth2HMACStrategy(config)},
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2PKCEFactory, compose.OAuth2RefreshTokenGrantFactory,
		compose.OAuth2TokenRevocationFactory, compose.OAuth2TokenIntrospectionFactory)

	p := &peer{
		fosite: store, clientID: "app:1", secret: clientSecret, scopes: []connect.Scope{"photos", "mail"}, optional: "mail",
		refused: http.StatusUnauthorized, says: true, detects: true,
		introspectAs: url.UserPassword("resource", clientSecret),
		expire: func(*testing.T) {
			store.mu.Lock()
			defer store.mu.Unlock()
			for _, request := range store.AccessTokens {
				request.GetSession().SetExpiresAt(fosite.AccessToken, time.Now().Add(-time.Minute))
			}
		},
	}
	if authMethod == "none" {
		p.secret = ""
	}
	p.start(t, redirectURL, func(baseURL string) http.Handler {
		p.api = baseURL + "/api"
		p.server = connect.Server{
			Name: "Fosite", PKCE: true, PublicClient: authMethod == "none", RevokeURL: baseURL + "/oauth/revoke",
			Endpoint: oauth2.Endpoint{AuthURL: baseURL + "/oauth/authorize", TokenURL: baseURL + "/oauth/token"},
		}
		return store.serial(fositeHandler(server))
	})
	return p
}

// fositeStore is the store of fosite's examples, with the faults of a real one.
type fositeStore struct {
	*storage.MemoryStore
	mu        sync.Mutex
	conflicts bool // whether another transaction always comes first
}

// serial serves one request at a time: RevokeRefreshToken of the example writes
// to a map without its lock.
func (s *fositeStore) serial(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// RotateRefreshToken implements the store of the refresh token grant.
func (s *fositeStore) RotateRefreshToken(ctx context.Context, requestID, signature string) error {
	if s.conflicts {
		return fosite.ErrSerializationFailure
	}
	return s.MemoryStore.RotateRefreshToken(ctx, requestID, signature)
}

// allowGrants changes what the client may do.
func (s *fositeStore) allowGrants(types ...string) {
	s.Clients["app:1"].(*fosite.DefaultOpenIDConnectClient).GrantTypes = types
}

// allowScopes changes which scopes the client may have.
func (s *fositeStore) allowScopes(scopes ...string) {
	s.Clients["app:1"].(*fosite.DefaultOpenIDConnectClient).Scopes = scopes
}

// fositeHandler serves the endpoints, as the documentation of fosite says, and
// an API.
func fositeHandler(server fosite.OAuth2Provider) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth/authorize", func(w http.ResponseWriter, r *http.Request) {
		ask, err := server.NewAuthorizeRequest(r.Context(), r)
		if err != nil {
			server.WriteAuthorizeError(r.Context(), w, ask, err)
			return
		}
		consent(func(w http.ResponseWriter, r *http.Request) {
			if r.PostFormValue("answer") == "deny" {
				server.WriteAuthorizeError(r.Context(), w, ask, fosite.ErrAccessDenied)
				return
			}
			for _, scope := range r.PostForm["grant"] {
				ask.GrantScope(scope)
			}
			answer, err := server.NewAuthorizeResponse(r.Context(), ask, &fosite.DefaultSession{Subject: "user"})
			if err != nil {
				server.WriteAuthorizeError(r.Context(), w, ask, err)
				return
			}
			server.WriteAuthorizeResponse(r.Context(), w, ask, answer)
		})(w, r)
	})
	mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, r *http.Request) {
		ask, err := server.NewAccessRequest(r.Context(), r, new(fosite.DefaultSession))
		if err != nil {
			server.WriteAccessError(r.Context(), w, ask, err)
			return
		}
		answer, err := server.NewAccessResponse(r.Context(), ask)
		if err != nil {
			server.WriteAccessError(r.Context(), w, ask, err)
			return
		}
		server.WriteAccessResponse(r.Context(), w, ask, answer)
	})
	mux.HandleFunc("POST /oauth/revoke", func(w http.ResponseWriter, r *http.Request) {
		server.WriteRevocationResponse(r.Context(), w, server.NewRevocationRequest(r.Context(), r))
	})
	mux.HandleFunc("POST /oauth/introspect", func(w http.ResponseWriter, r *http.Request) {
		answer, err := server.NewIntrospectionRequest(r.Context(), r, new(fosite.DefaultSession))
		if err != nil {
			server.WriteIntrospectionError(r.Context(), w, err)
			return
		}
		server.WriteIntrospectionResponse(r.Context(), w, answer)
	})
	mux.HandleFunc("/api", func(w http.ResponseWriter, r *http.Request) {
		token := fosite.AccessTokenFromRequest(r)
		_, known, err := server.IntrospectToken(r.Context(), token, fosite.AccessToken, new(fosite.DefaultSession))
		if err != nil { // RFC 6750 section 3
			w.Header().Set("WWW-Authenticate", `Bearer realm="api", error="invalid_token"`)
			http.Error(w, "the token is not valid", http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("hello " + known.GetSession().GetSubject()))
	})
	return mux
}
