package gloebit_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// TestRenewalsOfACallAreBounded checks how often one call refreshes its token
// when the server rejects every token as expired.
func TestRenewalsOfACallAreBounded(t *testing.T) {
	var calls, tokens atomic.Int32
	client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/oauth2/access-token" {
			n := strconv.Itoa(int(tokens.Add(1)))
			_, _ = io.WriteString(w, `{"access_token":"a`+n+`","refresh_token":"r`+n+`","token_type":"Bearer"}`)
			return
		}
		calls.Add(1)
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
	}, func(_ *gloebit.Config, c *connect.Credential) { c.RefreshToken = "r0" })
	_, err := client.Balance(t.Context())
	require.ErrorIs(t, err, gloebit.ErrTokenExpired)
	require.Equal(t, []int32{3, 2}, []int32{calls.Load(), tokens.Load()}, "calls and refreshes")
}

// contexts keeps the context of the last save.
type contexts struct {
	gloebit.MemoryTokenStore
	save context.Context
}

func (c *contexts) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	c.save = ctx
	return c.MemoryTokenStore.Update(ctx, key, fn)
}

// TestContextOfAConnectionEnds checks that no timer outlives a connection.
func TestContextOfAConnectionEnds(t *testing.T) {
	shop, seen := testkit.NewShop(t, gloebittest.Config{}), &contexts{}
	config := shop.Config()
	config.Tokens = seen
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	shop.Serve(merchant.RequireGloebit(http.NotFoundHandler()))
	page := testkit.Load(t, testkit.NewBrowser(t), testkit.NewRequest(t, http.MethodGet, shop.Server.URL, url.Values{}))
	require.Equal(t, http.StatusNotFound, page.Status)
	require.ErrorIs(t, seen.save.Err(), context.Canceled)
}

// TestConnectionsToGloebitAreReused makes more concurrent calls than net/http
// keeps idle connections by default, twice.
func TestConnectionsToGloebitAreReused(t *testing.T) {
	const most = 64
	var opened atomic.Int32
	var arrived sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()
		_, _ = io.WriteString(w, `{"success":true,"balance":1}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client, _, _ := clientOf(t, nil, func(c *gloebit.Config, _ *connect.Credential) {
		c.Provider = gloebit.ProviderAt(server.URL)
	})
	for range 2 {
		arrived.Add(most)
		var calls sync.WaitGroup
		for range most {
			calls.Go(func() {
				if _, err := client.Balance(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
	}
	require.EqualValues(t, most, opened.Load())
}
