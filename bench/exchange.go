package bench

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-gloebit/gloebit"
	"golang.org/x/oauth2"
)

// callbackPair compares the whole callback handler with the code exchange that
// it makes. Ours also loads the session, takes the state, checks the browser,
// renews the session ID, saves the credential and the session, and redirects.
// Both use the same canned token endpoint with the same fields.
func callbackPair(user func(*http.Request) (gloebit.User, error)) func(context.Context) (*Pair, error) {
	return func(ctx context.Context) (*Pair, error) {
		return &Pair{Ours: ourCallback(ctx, user), Peer: theirExchange(ctx)}, nil
	}
}

func ourCallback(ctx context.Context, user func(*http.Request) (gloebit.User, error)) Side {
	var tokens *gloebit.MemoryTokenStore
	var shop http.Handler
	var visits []*http.Request
	p := newPage()
	return Side{
		// One browser per run, each of which has started a connection.
		Prepare: func(n int) error {
			tokens = &gloebit.MemoryTokenStore{}
			merchant, err := newMerchant(gloebit.Config{User: user, Tokens: tokens})
			if err != nil {
				return err
			}
			shop, visits = merchant.Handler(), nil
			for i := range n {
				visitor := newBrowser("user-" + strconv.Itoa(i))
				state, err := visitor.start(shop)
				if err != nil {
					return err
				}
				visits = append(visits, visitor.request(comeBack(state, "code")))
			}
			return nil
		},
		Do: func() error {
			visit := visits[len(visits)-1]
			visits = visits[:len(visits)-1]
			p.reset()
			shop.ServeHTTP(p, visit)
			if p.status != http.StatusSeeOther || p.header.Get("Location") != "/hats" {
				return fmt.Errorf("the callback answered %d", p.status)
			}
			return nil
		},
		Answer: func() string {
			for id := range tokens.UserIDs(ctx, realm) {
				credential, err := tokens.Load(ctx, keyOf(id))
				return fmt.Sprint(credential.AccessToken.Reveal(), credential.Scopes, err)
			}
			return "no user is connected"
		},
	}
}

func theirExchange(ctx context.Context) Side {
	config := endpoint()
	var token *oauth2.Token
	ctx = context.WithValue(ctx, oauth2.HTTPClient, canned{}.client())
	return Side{
		Do: func() (err error) {
			token, err = config.Exchange(ctx, "code", oauth2.SetAuthURLParam("scope", "balance transact"))
			return err
		},
		Answer: func() string { return fmt.Sprint(token.AccessToken, scopes, nil) },
	}
}
