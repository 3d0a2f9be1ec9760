package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-gloebit/gloebit"
)

// Connected is the result of ConnectAtOnce.
type Connected struct {
	Start, Back time.Duration // until all were redirected to Gloebit; until all were connected
	Bytes       float64       // of heap memory, for each pending connection
}

// ConnectAtOnce connects that many browsers concurrently, each in a goroutine.
// When all have been redirected to Gloebit, all return. Each must get the token
// for its own code, and no state may be accepted twice.
func ConnectAtOnce(ctx context.Context, crowd int) (c Connected, err error) {
	tokens := &gloebit.MemoryTokenStore{}
	merchant, err := newMerchant(gloebit.Config{
		User: currentUser, Tokens: tokens,
		HTTPClient: canned{token: func(form url.Values) string { return tokenOf(form.Get("code")) }}.client(),
	})
	if err != nil {
		return c, err
	}
	h, flows := merchant.Handler(), make([]*flow, crowd)
	for i := range flows {
		flows[i] = &flow{user: userName(i), browser: newBrowser(userName(i))}
	}
	before, start := heap(), time.Now()
	err = all(flows, func(f *flow) (err error) {
		f.state, err = f.browser.start(h)
		return err
	})
	c.Start = time.Since(start)
	c.Bytes = float64(heap()-before) / float64(crowd)
	if err != nil {
		return c, err
	}
	start = time.Now()
	err = all(flows, func(f *flow) error { return f.comeBack(h, http.StatusSeeOther) })
	c.Back = time.Since(start)
	return c, errors.Join(err,
		all(flows, func(f *flow) error { return f.comeBack(h, http.StatusFound) }),
		all(flows, func(f *flow) error { return f.check(ctx, tokens) }),
	)
}

// flow is one browser's connection.
type flow struct {
	user, state string
	browser     *browser
}

func (f *flow) comeBack(h http.Handler, want int) error {
	response := f.browser.visit(h, comeBack(f.state, f.user))
	if response.StatusCode != want {
		return fmt.Errorf("the callback answered %s, want %d", response.Status, want)
	}
	return nil
}

func (f *flow) check(ctx context.Context, tokens gloebit.TokenStore) error {
	credential, err := tokens.Load(ctx, keyOf(f.user))
	if err == nil && credential.AccessToken.Reveal() != tokenOf(f.user) {
		err = errors.New("a user got another's token")
	}
	return err
}
