package gloebit_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

func TestSecurity01StateHas128RandomBits(t *testing.T) {
	t.Run("at least 128 of its bits are random", func(t *testing.T) {
		w := newWorld(t)
		b := w.browser("")
		const times = 200
		ones := map[int]int{}
		for range times {
			raw, err := base64.RawURLEncoding.DecodeString(b.location("/gloebit/connect").Query().Get("state"))
			require.NoError(t, err)
			for i := range 8 * len(raw) {
				ones[i] += int(raw[i/8] >> (i % 8) & 1)
			}
		}
		random := 0
		for _, n := range ones {
			if n > times/4 && n < times*3/4 { // seven standard deviations
				random++
			}
		}
		require.GreaterOrEqual(t, random, 128)
	})
	t.Run("they are crypto/rand's", func(t *testing.T) {
		state := func(seed uint64) string {
			b := newWorld(t).browser("")
			cryptotest.SetGlobalRandom(t, seed)
			return b.location("/gloebit/connect").Query().Get("state")
		}
		require.Equal(t, state(1), state(1), "nothing else is in it")
		require.NotEqual(t, state(1), state(2))
	})
	t.Run("it is not the caller's", func(t *testing.T) {
		w := newWorld(t)
		b := w.browser("")
		chosen := strings.Repeat("chosen-", 6) + "x" // as long as ours
		b.steal([]*http.Cookie{{Name: "state", Value: chosen}, {Name: "oauth_state", Value: chosen}})
		b.follow = false
		p := b.do(http.MethodGet, "/gloebit/connect?state="+chosen+"&return_to=/", nil, http.Header{"X-State": {chosen}})
		require.Equal(t, http.StatusSeeOther, p.status)
		require.NotContains(t, p.header.Get("Location"), chosen)
		require.Equal(t, http.StatusBadRequest, b.get("/gloebit/callback?code=x&state="+chosen).status)
		require.Zero(t, w.exchanges())
	})
}

func TestSecurity02ForeignBrowserIsRejectedBeforeExchange(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			attackers := w.browser("ann").callback("/gloebit/connect").String()
			victim := w.browser("ann")
			require.Equal(t, http.StatusBadRequest, victim.get(attackers).status, "a browser without a session")
			victim.location("/gloebit/connect")
			require.Equal(
				t, http.StatusBadRequest, victim.get(attackers).status, "a browser with a session and a connection of its own",
			)
			require.Zero(t, w.exchanges())
			require.Zero(t, w.tokens.Len())
		})
	}
}

func TestSecurity02StateSurvivesForeignBrowser(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	callback := b.callback("/gloebit/connect").String()
	require.Equal(t, http.StatusBadRequest, w.browser("").get(callback).status)
	require.Zero(t, w.states.takes)
	require.Equal(t, http.StatusOK, b.get(callback).status)
}

func TestSecurity02StateSurvivesAnotherMerchant(t *testing.T) {
	w := newWorld(t)
	other, err := gloebit.New(gloebit.Config{
		ClientID: "another application", ClientSecret: "another secret", RedirectURL: w.shop.URL + "/other/callback",
		// the stores are shared
		Provider: gloebit.ProviderAt(w.gloebit.URL), States: w.states, Tokens: w.tokens, Clock: w.clock.Now,
	})
	require.NoError(t, err)
	w.mux.Handle("/other/", other.Handler())
	b := w.browser("")
	b.location("/other/connect") // this browser has started there too
	callback := b.callback("/gloebit/connect")
	require.Equal(t, http.StatusBadRequest, b.get("/other/callback?"+callback.RawQuery).status)
	require.Zero(t, w.exchanges())
	require.Equal(t, http.StatusOK, b.get(callback.String()).status)
}

func TestSecurity02StatesAndBindingsAreStoredHashed(t *testing.T) {
	w := newWorld(t, func(w *world, c *gloebit.Config) {
		w.sessions = scs.New()
		w.sessions.Store = memstore.NewWithCleanupInterval(0)
		c.Sessions = w.sessions
	})
	state := w.browser("").location("/gloebit/connect").Query().Get("state")
	kept := fmt.Sprintf("%s %+v", w.states.lastKey, w.states.lastPending)
	for i := range len(state) - 8 {
		require.NotContains(t, kept, state[i:i+8], "a reader of the store can't answer in the user's place")
	}
	sessions, err := w.sessions.Store.(*memstore.MemStore).All()
	require.NoError(t, err)
	for _, session := range sessions {
		require.NotContains(t, string(session), w.states.lastPending.BrowserHash, "nor make a browser the one that started")
	}
	require.Len(t, sessions, 1)
}

func TestSecurity03UsedStateFailsWithOldCookies(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			b := w.browser("ann")
			callback := b.callback("/gloebit/connect").String()
			old := b.cookies()
			require.Equal(t, http.StatusOK, b.get(callback).status)
			require.Equal(t, "home", b.get(callback).body, "in the same browser, which is connected")
			before := w.browser("ann").steal(old).get(callback)
			require.True(t, before.status == http.StatusBadRequest || before.body == "home", "with the cookies of before")
			require.Equal(t, "home", w.browser("ann").steal(b.cookies()).get(callback).body, "with the cookies of now")
			require.Equal(t, 1, w.exchanges())
			require.Equal(t, "connected", b.get("/optional").body)
		})
	}
}

func TestSecurity04ConcurrentReplaysGiveOneExchange(t *testing.T) {
	w := newWorld(t, func(w *world, c *gloebit.Config) { c.States = &gloebit.MemoryStateStore{Clock: w.clock.Now} })
	for round := 1; round <= 5; round++ {
		b := w.browser("")
		callback := b.callback("/gloebit/connect").String()
		b.follow = false
		gate := make(chan struct{})
		var group sync.WaitGroup
		var good atomic.Int32
		for i := range 20 { // each with a query of its own, or they would wait for the first
			group.Go(func() {
				<-gate
				if b.get(fmt.Sprintf("%s&n=%d", callback, i)).status == http.StatusSeeOther {
					good.Add(1)
				}
			})
		}
		close(gate)
		group.Wait()
		require.EqualValues(t, 1, good.Load())
		require.Equal(t, round, w.exchanges())
	}
}

// lazyStates is a store that ignores the expiry.
type lazyStates struct {
	mu      sync.Mutex
	pending map[connect.Key]connect.PendingConnection
}

func (s *lazyStates) Put(_ context.Context, key connect.Key, p connect.PendingConnection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending[key] = p
	return nil
}

func (s *lazyStates) Take(_ context.Context, key connect.Key) (connect.PendingConnection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.pending[key]
	if !ok {
		return p, gloebit.ErrNotFound
	}
	delete(s.pending, key)
	return p, nil
}

func TestSecurity05StateExpiresOnTheServer(t *testing.T) {
	for name, states := range map[string]func(*world) gloebit.StateStore{
		"the store in memory": func(w *world) gloebit.StateStore { return &gloebit.MemoryStateStore{Clock: w.clock.Now} },
		"a store that forgets to look": func(*world) gloebit.StateStore {
			return &lazyStates{pending: map[connect.Key]connect.PendingConnection{}}
		},
		"a store in memory that others come to": func(w *world) gloebit.StateStore {
			return &gloebit.MemoryStateStore{Clock: w.clock.Now, Capacity: 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(w *world, c *gloebit.Config) { c.States = states(w) })
			b := w.browser("")
			answerAfter := func(age time.Duration) page {
				authorize, kept := b.location("/gloebit/connect"), b.cookies()
				w.clock.Advance(age)
				require.Equal(t, kept, b.cookies(), "the browser still has its cookie")
				return b.get(b.approve(authorize).String()) // with a fresh code
			}
			require.Equal(t, http.StatusOK, answerAfter(10*time.Minute-time.Second).status)
			require.Equal(t, "home", answerAfter(10*time.Minute).body, "which needs no connection")
			require.Equal(t, "home", answerAfter(48*time.Hour).body)
			require.Equal(t, 1, w.exchanges())
		})
	}
	t.Run("the application may allow less", func(t *testing.T) {
		w := newWorld(t, func(_ *world, c *gloebit.Config) { c.ConnectTimeout = time.Minute })
		b := w.browser("")
		authorize := b.location("/gloebit/connect")
		w.clock.Advance(time.Minute)
		require.Equal(t, http.StatusBadRequest, b.get(b.approve(authorize).String()).status)
	})
}

func TestSecurity06InvalidParametersAreRefused(t *testing.T) {
	repeat := func(name string) func(*world, *browser, url.Values) {
		return func(_ *world, _ *browser, q url.Values) { q.Add(name, q.Get(name)) }
	}
	refuses(t, map[string]badCallback{
		"no state":                {set("state"), 400},
		"an empty state":          {set("state", ""), 400},
		"an unknown state":        {set("state", strings.Repeat("x", 50)), 400},
		"the same state twice":    {repeat("state"), 400},
		"another state behind it": {func(_ *world, _ *browser, q url.Values) { q.Add("state", "x") }, 400},
		"no code":                 {set("code"), 400},
		"an empty code":           {set("code", ""), 400},
		"the same code twice":     {repeat("code"), 400},
		"another code behind it":  {func(_ *world, _ *browser, q url.Values) { q.Add("code", "x") }, 400},
		"an empty error":          {set("error", ""), 400},
		"two errors":              {set("error", "access_denied", "server_error"), 400},
		"neither state nor code":  {func(_ *world, _ *browser, q url.Values) { clear(q) }, 400},
		"a state in another case": {
			func(_ *world, _ *browser, q url.Values) { q["STATE"] = q["state"]; q.Del("state") }, 400,
		},
		"a state with a space":     {func(_ *world, _ *browser, q url.Values) { q.Set("state", q.Get("state")+" ") }, 400},
		"a state of a whole page":  {set("state", strings.Repeat("x", 5000)), 400},
		"a state with a null byte": {func(_ *world, _ *browser, q url.Values) { q.Set("state", q.Get("state")+"\x00") }, 400},
	})
	t.Run("a query that can't be read", func(t *testing.T) {
		w := newWorld(t)
		b := w.browser("")
		callback := b.callback("/gloebit/connect").String()
		require.Equal(t, http.StatusBadRequest, b.get(callback+"&x=%zz").status)
		require.Equal(t, http.StatusBadRequest, b.get(callback+";state=x").status)
		require.Zero(t, w.exchanges())
	})
}

func TestSecurity07StateIsCheckedBeforeError(t *testing.T) {
	denied := func(state ...string) func(*world, *browser, url.Values) {
		return func(_ *world, _ *browser, q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
			if len(state) > 0 {
				q["state"] = state
			}
		}
	}
	refuses(t, map[string]badCallback{
		"a refusal with the state":            {denied(), 403},
		"a refusal with the state and a code": {set("error", "access_denied"), 403},
		"a refusal of LinkedIn's":             {set("error", "user_cancelled_login"), 403},
		"a refusal of consent at Hydra":       {set("error", "consent request denied"), 403},
		"a refusal to sign in at Hydra":       {set("error", "login request denied"), 403},
		"a refusal of Apple's":                {set("error", "user_cancelled_authorize"), 403},
		"a refusal without a state": {
			func(_ *world, _ *browser, q url.Values) { clear(q); q.Set("error", "access_denied") }, 400,
		},
		"a refusal with an empty state":   {denied(""), 400},
		"a refusal with an unknown state": {denied(strings.Repeat("x", 50)), 400},
		"a refusal with two states":       {denied("x", "y"), 400},
		"a refusal in another browser": {
			func(w *world, b *browser, q url.Values) { denied()(w, b, q); b.jar = w.browser("").jar }, 400,
		},
		"a refusal that comes too late": {
			func(w *world, b *browser, q url.Values) { denied()(w, b, q); w.clock.Advance(time.Hour) }, 400,
		},
	})
	t.Run("a refusal that is not believed spends nothing", func(t *testing.T) {
		w := newWorld(t)
		b := w.browser("")
		callback := b.callback("/gloebit/connect").String()
		require.Equal(t, http.StatusBadRequest, b.get("/gloebit/callback?error=access_denied&state=x").status)
		require.Equal(t, http.StatusOK, b.get(callback).status)
	})
}

func TestSecurity09PKCEIsFreshS256(t *testing.T) {
	w := newWorld(t)
	verifiers := map[string]bool{}
	for range 3 {
		b := w.browser("")
		callback := b.callback("/gloebit/connect")
		asked := w.asked("authorize")
		verifier := w.states.lastPending.Secret.Reveal()
		sum := sha256.Sum256([]byte(verifier))
		require.Equal(t, []string{"S256"}, asked["code_challenge_method"])
		require.Equal(t, []string{base64.RawURLEncoding.EncodeToString(sum[:])}, asked["code_challenge"])
		require.GreaterOrEqual(t, len(verifier), 43, "RFC 7636 section 4.1")
		require.NotContains(t, asked.Encode()+callback.String(), verifier, "the browser does not see it")
		require.False(t, verifiers[verifier], "used before")
		verifiers[verifier] = true
		require.Equal(t, http.StatusOK, b.get(callback.String()).status)
		require.Equal(t, []string{verifier}, w.asked("access-token")["code_verifier"])
	}
}

func TestSecurity10StateIsRequiredWithPKCEToo(t *testing.T) {
	for name, pkce := range map[string]bool{"with PKCE": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *world, c *gloebit.Config) { c.Provider.PKCE = pkce })
			b := w.browser("")
			authorize := b.location("/gloebit/connect").Query()
			require.Equal(t, pkce, authorize.Has("code_challenge"))
			require.NotEmpty(t, authorize.Get("state"))
			callback := b.callback("/gloebit/connect")
			query := callback.Query()
			query.Del("state")
			callback.RawQuery = query.Encode()
			require.Equal(t, http.StatusBadRequest, b.get(callback.String()).status)
			require.Zero(t, w.exchanges())
		})
	}
}

func TestSecurity11OnlyTheCodeFlowIsUsed(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	for _, query := range []string{"", "?response_type=token", "?response_type=code+token&response_mode=fragment"} {
		authorize := b.location("/gloebit/connect" + query).Query()
		require.Equal(t, []string{"code"}, authorize["response_type"])
		require.Empty(t, authorize["response_mode"])
	}
	token, err := w.gloebit.IssueToken(w.app.Key, "alice", "user", "balance", "transact")
	require.NoError(t, err)
	callback := b.callback("/gloebit/connect")
	answer := url.Values{
		"state": callback.Query()["state"], "token": {token}, "access_token": {token}, "token_type": {"Bearer"},
	}
	require.Equal(
		t, http.StatusBadRequest, b.get("/gloebit/callback?"+answer.Encode()).status, "a token in the answer is not taken",
	)
	require.Zero(t, w.tokens.Len())
	require.Zero(t, w.exchanges())
}
