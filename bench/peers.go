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

// A connected request without Config.User: the cookie tells whose request it
// is, the user's token is looked up, and a client that sends it is lent to the
// handler, which reads the user's id. All sides do that. They differ in how the
// cookie tells: that is what is compared.

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

// ownSessions is the package with nothing configured: sessions and tokens in
// memory, the user signed in with Gloebit through a whole connection.
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

// lender is the part that is the same for all peers: a map of tokens, and a
// client in the context that sends the user's.
type lender struct {
	mu     sync.RWMutex
	tokens map[string]*oauth2.Token
	base   http.RoundTripper
}

type lentKey struct{}

type lent struct {
	user string
	http *http.Client
}

func newLender() *lender {
	return &lender{tokens: map[string]*oauth2.Token{alice: {AccessToken: tokenOf(alice)}}, base: canned{}}
}

// lend calls next with a client for the user, or refuses who has no token.
func (l *lender) lend(w http.ResponseWriter, r *http.Request, user string, next http.Handler) {
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
	next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), lentKey{}, &lent{user, client})))
}

// site is a peer's way to tell the user, with the rest.
func (l *lender) site(header http.Header, protect func(http.Handler) http.Handler) site {
	return site{
		protect: protect,
		user:    func(ctx context.Context) string { return ctx.Value(lentKey{}).(*lent).user },
		call: func(ctx context.Context) (string, error) {
			response, err := ctx.Value(lentKey{}).(*lent).http.Get(gloebitURL + "user")
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

// signedIn is what a browser sends after a handler has signed it in.
func signedIn(signIn http.Handler) (http.Header, error) {
	visitor := newBrowser("")
	if response := visitor.visit(signIn, shopURL+"/sign-in"); response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("signing in answered %s", response.Status)
	}
	return visitor.header, nil
}

// byHand is what people write with scs: its defaults, one key in the session.
func byHand() (site, error) {
	manager, l := scs.New(), newLender()
	header, err := signedIn(manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		manager.Put(r.Context(), "user", alice)
	})))
	return l.site(header, func(next http.Handler) http.Handler {
		return manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l.lend(w, r, manager.GetString(r.Context(), "user"), next)
		}))
	}), err
}

// gorilla is the same with gorilla/sessions and its signed cookie.
func gorilla() (site, error) {
	store, l := sessions.NewCookieStore(make([]byte, 32)), newLender()
	header, err := signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session") // a new one comes with no error
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
			l.lend(w, r, user, next)
		})
	}), err
}

// goth is the same with markbates/goth's gothic, which keeps what it is given,
// compressed, in a session of gorilla's.
func goth() (site, error) {
	gothic.Store = sessions.NewCookieStore(make([]byte, 32))
	l := newLender()
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
			l.lend(w, r, user, next)
		})
	}), err
}

// jwt is the same with go-chi/jwtauth: HS256, in its cookie, with an end as all
// the other sessions have.
func jwt() (site, error) {
	auth, l := jwtauth.New("HS256", make([]byte, 32), nil), newLender()
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
			l.lend(w, r, token.Subject(), next)
		})))
	}), err
}
