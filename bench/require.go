package bench

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// userHeader is where the application finds its user: whatever it does is the
// same on both sides.
const userHeader = "X-User"

func currentUser(r *http.Request) (gloebit.User, error) {
	if id := r.Header.Get(userHeader); id != "" {
		return gloebit.User{ID: id}, nil
	}
	return gloebit.User{}, gloebit.ErrNoUser
}

// require: the application knows its users, and has them at hand. Ours looks the
// credential up and lends a client; the peer puts the application's user into
// the context, and no more: that is the least a middleware that lends something
// can do.
func require(context.Context) (*Pair, error) {
	const size = 1000
	tokens, members := &gloebit.MemoryTokenStore{}, club{}
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

// club are the application's users.
type club map[string]*gloebit.User

// user is Config.User.
func (c club) user(r *http.Request) (gloebit.User, error) {
	if member := c[r.Header.Get(userHeader)]; member != nil {
		return *member, nil
	}
	return gloebit.User{}, gloebit.ErrNoUser
}

type bareKey struct{}

// bare is a middleware that puts one value into the context.
func (c club) bare(next http.Handler) http.Handler {
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

// userName is the id of a user: as long as a UUID.
func userName(i int) string { return fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", i) }

// connectUsers gives some users a credential each.
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
