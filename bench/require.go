package bench

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// userHeader identifies the application's user. It stands for any sign-in,
// which costs both sides the same.
const userHeader = "X-User"

func currentUser(r *http.Request) (gloebit.User, error) {
	if id := r.Header.Get(userHeader); id != "" {
		return gloebit.User{ID: id}, nil
	}
	return gloebit.User{}, gloebit.ErrNoUser
}

// require measures RequireGloebit with an application that has its users in
// memory. Ours looks up the credential and puts a client into the context. The
// peer only puts the application's user into the context, which is the least
// that such a middleware can do.
func require(context.Context) (*Pair, error) {
	const size = 1000
	tokens, members := &gloebit.MemoryTokenStore{}, memberMap{}
	if err := connectUsers(tokens, 0, size); err != nil {
		return nil, err
	}
	for i := range size {
		members[userName(i)] = &gloebit.User{ID: userName(i)}
	}
	merchant, err := newMerchant(gloebit.Config{User: members.user, Tokens: tokens})
	if err != nil {
		return nil, err
	}
	header := http.Header{userHeader: {userName(size / 2)}, "Accept": {"text/html"}}
	return &Pair{
		Ours: site{protect: merchant.RequireGloebit, user: lentBy, header: header}.side(),
		Peer: site{protect: members.bare, user: inContext, header: header}.side(),
	}, nil
}

// memberMap has the application's users.
type memberMap map[string]*gloebit.User

// user is Config.User.
func (c memberMap) user(r *http.Request) (gloebit.User, error) {
	if member := c[r.Header.Get(userHeader)]; member != nil {
		return *member, nil
	}
	return gloebit.User{}, gloebit.ErrNoUser
}

type bareKey struct{}

// bare is a middleware that puts one value into the context.
func (c memberMap) bare(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		member := c[r.Header.Get(userHeader)]
		if member == nil {
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), bareKey{}, member)))
	})
}

func inContext(ctx context.Context) string { return ctx.Value(bareKey{}).(*gloebit.User).ID }

func lentBy(ctx context.Context) string { return gloebit.MustFromContext(ctx).User().ID }

// userName returns a user ID of the length of a UUID.
func userName(i int) string { return fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", i) }

// connectUsers stores a credential for each of a range of users.
func connectUsers(tokens gloebit.TokenStore, from, to int) error {
	for i := from; i < to; i++ {
		credential := credentialOf(userName(i))
		err := tokens.Update(context.Background(), keyOf(userName(i)), func(
			context.Context, *connect.Credential,
		) (*connect.Credential, error) {
			return &credential, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
