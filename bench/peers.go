package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/jwtauth/v5"
	"github.com/go-gloebit/gloebit"
	"github.com/gorilla/sessions"
	"github.com/markbates/goth/gothic"
	"golang.org/x/oauth2"
)

// These pairs compare a connected request without Config.User. The cookie
// identifies the user, the user's token is looked up, and the handler gets a
// client that sends it, and reads the user's ID. All sides do that. Only how
// the cookie identifies the user differs.

// sessionPair compares the package's own sessions with a peer.
func sessionPair(peer func() (site, error)) func(context.Context) (*Pair, error) {
	return func(context.Context) (*Pair, error) {
		ours, err := ownSessions()
		if err != nil {
			return nil, err
		}
		theirs, err := peer()
		if err != nil {
			return nil, err
		}
		return &Pair{Ours: ours.side(), Peer: theirs.side()}, nil
	}
}

// ownSessions returns the package with its defaults: sessions and tokens in
// memory, and a user who signed in with Gloebit in a full connection.
func ownSessions() (site, error) {
	merchant, err := newMerchant(gloebit.Config{SignIn: true})
	if err != nil {
		return site{}, err
	}
	visitor := newBrowser("")
	if err := visitor.connect(merchant.Handler()); err != nil {
		return site{}, err
	}
	return site{
		protect: merchant.RequireGloebit,
		user:    lentBy,
		call: func(ctx context.Context) (string, error) {
			identity, err := gloebit.MustFromContext(ctx).Identity(ctx)
			return identity.Name, err
		},
		header: visitor.header,
	}, nil
}

// peerClients is the part that is the same for all peers: a map of tokens, and
// a client in the context that sends the user's token.
type peerClients struct {
	mu     sync.RWMutex
	tokens map[string]*oauth2.Token
	base   http.RoundTripper
}

type userClientKey struct{}

type userClient struct {
	user string
	http *http.Client
}

func newPeerClients() *peerClients {
	return &peerClients{tokens: map[string]*oauth2.Token{alice: {AccessToken: tokenOf(alice)}}, base: canned{}}
}

// withClient calls next with a client for the user in the context. It responds
// 401 if the user has no token.
func (l *peerClients) withClient(w http.ResponseWriter, r *http.Request, user string, next http.Handler) {
	l.mu.RLock()
	token, ok := l.tokens[user]
	l.mu.RUnlock()
	if !ok {
		http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		return
	}
	client := &http.Client{
		Transport: &oauth2.Transport{Source: oauth2.StaticTokenSource(token), Base: l.base}, Timeout: patience,
	}
	next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userClientKey{}, &userClient{user, client})))
}

// site completes a peer's middleware, protect, to a site.
func (l *peerClients) site(header http.Header, protect func(http.Handler) http.Handler) site {
	return site{
		protect: protect,
		user:    func(ctx context.Context) string { return ctx.Value(userClientKey{}).(*userClient).user },
		call: func(ctx context.Context) (string, error) {
			response, err := ctx.Value(userClientKey{}).(*userClient).http.Get(gloebitURL + "user")
			if err != nil {
				return "", err
			}
			defer func() { _ = response.Body.Close() }()
			var answer struct{ Name string }
			err = json.NewDecoder(response.Body).Decode(&answer)
			return answer.Name, err
		},
		header: header,
	}
}

// signedIn returns the headers that a browser sends after a handler has signed
// it in.
func signedIn(signIn http.Handler) (http.Header, error) {
	visitor := newBrowser("")
	if response := visitor.visit(signIn, shopURL+"/sign-in"); response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("signing in answered %s", response.Status)
	}
	return visitor.header, nil
}

// byHand is an application with scs: its defaults, and one key in the session.
func byHand() (site, error) {
	manager, l := scs.New(), newPeerClients()
	header, err := signedIn(manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		manager.Put(r.Context(), "user", alice)
	})))
	return l.site(header, func(next http.Handler) http.Handler {
		return manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l.withClient(w, r, manager.GetString(r.Context(), "user"), next)
		}))
	}), err
}

// gorilla is the same with gorilla/sessions and its signed cookie.
func gorilla() (site, error) {
	store, l := sessions.NewCookieStore(make([]byte, 32)), newPeerClients()
	header, err := signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session") // a new one is returned without an error
		session.Values["user"] = alice
		if err := session.Save(r, w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	return l.site(header, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			session, err := store.Get(r, "session")
			if err != nil {
				http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
				return
			}
			user, _ := session.Values["user"].(string)
			l.withClient(w, r, user, next)
		})
	}), err
}

// goth is the same with markbates/goth's gothic, which stores its data,
// compressed, in a gorilla session.
func goth() (site, error) {
	gothic.Store = sessions.NewCookieStore(make([]byte, 32))
	l := newPeerClients()
	header, err := signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := gothic.StoreInSession("user", alice, r, w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	return l.site(header, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, err := gothic.GetFromSession("user", r)
			if err != nil {
				http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
				return
			}
			l.withClient(w, r, user, next)
		})
	}), err
}

// jwt is the same with go-chi/jwtauth: HS256, in its cookie, with an expiry
// like all other sessions.
func jwt() (site, error) {
	auth, l := jwtauth.New("HS256", make([]byte, 32), nil), newPeerClients()
	claims := map[string]any{"sub": alice}
	jwtauth.SetIssuedNow(claims)
	jwtauth.SetExpiryIn(claims, 24*time.Hour)
	_, token, err := auth.Encode(claims)
	header := http.Header{"Cookie": {"jwt=" + token}, "Accept": {"text/html"}}
	return l.site(header, func(next http.Handler) http.Handler {
		return jwtauth.Verifier(auth)(jwtauth.Authenticator(auth)(http.HandlerFunc(func(
			w http.ResponseWriter, r *http.Request,
		) {
			token, _, err := jwtauth.FromContext(r.Context())
			if err != nil {
				http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
				return
			}
			l.withClient(w, r, token.Subject(), next)
		})))
	}), err
}
