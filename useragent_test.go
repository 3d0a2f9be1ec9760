package gloebit_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestUserAgent(t *testing.T) {
	for name, test := range map[string]struct{ set, want string }{
		"the default": {"", `^go-gloebit(/v[0-9].*)?$`},
		"given":       {"hats/2 (+https://shop.example)", `^hats/2 \(\+https://shop\.example\)$`},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			seen := map[string][]string{}
			provider := gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true}
			w := newWorldAt(t, provider, func(_ *world, c *gloebit.Config) {
				c.UserAgent = test.set
				c.HTTPClient = &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
					mu.Lock()
					seen[r.URL.Path] = append(seen[r.URL.Path], r.Header.Values("User-Agent")...)
					mu.Unlock()
					return http.DefaultTransport.RoundTrip(r)
				})}
			})
			b := w.browser("")
			require.Equal(t, http.StatusOK, b.get("/private").status)
			w.clock.Advance(time.Hour)
			require.Equal(t, http.StatusOK, b.get("/private").status)
			require.Equal(t, 2, w.exchanges())
			mu.Lock()
			defer mu.Unlock()
			require.Len(t, seen["/oauth2/access-token"], 2, "the code and the refresh token")
			require.Len(t, seen["/balance"], 2)
			for path, agents := range seen {
				for _, agent := range agents {
					require.Regexp(t, test.want, agent, path)
				}
			}
		})
	}
}
