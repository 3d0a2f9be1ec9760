package gloebit_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

// refusedOrConnectedBefore are the statuses of a callback that connects no
// user.
var refusedOrConnectedBefore = []int{http.StatusBadRequest, http.StatusFound}

// FuzzState sends queries made from a pending state, for which {} stands, to
// the callback. They come from the browser that started the connection, from
// one that started another, and from one that started none. Only the state
// itself, once, from its own browser, leads to an exchange. A query without the
// state does not use it up.
func FuzzState(f *testing.F) {
	for _, seed := range []string{
		"state={}&code=c", "code=SplxlOBeZQQYbYS6WxSbIA&state={}", "state={}&code=c&iss=https%3A%2F%2Fwww.gloebit.com",
		"error=access_denied&state={}", "error=invalid_scope&error_description=who%3F&state={}", "state={}",
		"state={}&state={}&code=c", "state={}&state=&code=c", "state={}x&code=c", "state=x{}&code=c", "state={}%00&code=c",
		"state={}%20&code=c",
		"State={}&code=c", "state[]={}&code=c", "state=%7B%7D&code=c", "state={}{}&code=c", "state&code={}",
		"state={};code=c", "code=c#state={}",
		"state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAzzzzzzz&code=c", "state={}&code=" + strings.Repeat("c", 9000),
	} {
		for from := range byte(3) {
			f.Add(seed, from)
		}
	}
	endpoint := &tokens{}
	config := validConfig()
	config.HTTPClient = &http.Client{Transport: endpoint}
	config.Scopes = []gloebit.Scope{gloebit.ScopeTransact} // without a name to read, each connection makes one request
	merchant, err := gloebit.New(config)
	require.NoError(f, err)
	handler := merchant.Handler()
	owner, other, fresh := &visitor{handler: handler}, &visitor{handler: handler}, &visitor{handler: handler}
	other.connect()

	f.Fuzz(func(t *testing.T, query string, from byte) {
		state := owner.connect()
		fresh.cookies = nil
		query = strings.ReplaceAll(query, "{}", state)
		r := httptest.NewRequest(http.MethodGet, "/gloebit/callback", nil)
		r.URL.RawQuery = query
		values, err := url.ParseQuery(query)
		names := err == nil && len(query) <= 8<<10 && len(values["state"]) == 1 && values.Get("state") == state

		sender := []*visitor{owner, other, fresh}[from%3]
		before := endpoint.given
		w := sender.send(r)
		given := endpoint.given - before
		switch {
		case names && sender == owner && given > 0:
			require.Equal(t, 1, given, query)
			require.Equal(t, http.StatusSeeOther, w.Code, query)
			require.Len(t, values["code"], 1, query)
			require.NotContains(t, values, "error", query)
		case names && sender == owner: // without a code that can be used
			require.GreaterOrEqual(t, w.Code, http.StatusBadRequest, query)
		default:
			require.Zero(t, given, query)
			require.Contains(t, refusedOrConnectedBefore, w.Code, query)
		}

		spent := names && sender != fresh
		before = endpoint.given
		again := owner.visit("/gloebit/callback?code=c&state=" + state)
		if spent {
			require.Contains(t, refusedOrConnectedBefore, again.Code, query)
			require.Equal(t, before, endpoint.given, query)
			return
		}
		require.Equal(t, http.StatusSeeOther, again.Code, query)
		require.Equal(t, before+1, endpoint.given, query)
	})
}
