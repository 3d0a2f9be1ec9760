package gloebit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// The times vary with the load of the machine. Allocations do not, and ratios
// within one group hardly do.

// nowhere is a response writer that discards everything.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}

// serveLoop serves the request again and again. The header map is made once,
// because net/http's own cost is not measured.
func serveLoop(b *testing.B, handler http.Handler, r *http.Request) {
	w := &nowhere{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		handler.ServeHTTP(w, r)
	}
}

type userKey struct{}

var greeting = []byte("hello")

func greetUser(w http.ResponseWriter, r *http.Request) {
	if gloebit.MustFromContext(r.Context()).User().ID == "" {
		panic("no user")
	}
	_, _ = w.Write(greeting)
}

// benchMerchant is a merchant to which alice is connected.
func benchMerchant(b testing.TB, changes ...func(*gloebit.Config)) *gloebit.Merchant {
	config := validConfig()
	tokens := &gloebit.MemoryTokenStore{}
	config.Tokens, config.HTTPClient = tokens, approving()
	for _, change := range changes {
		change(&config)
	}
	merchant, err := gloebit.New(config)
	require.NoError(b, err)
	require.NoError(
		b,
		tokens.Update(
			b.Context(), keyOf(merchant, "alice"),
			save(connect.Credential{AccessToken: canaryToken, Scopes: []gloebit.Scope{gloebit.ScopeUser, gloebit.ScopeBalance}}),
		),
	)
	return merchant
}

func asAlice(c *gloebit.Config) {
	c.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "alice"}, nil }
}

// BenchmarkRequest is one request of a connected user, through the middleware
// to a handler that reads the user.
func BenchmarkRequest(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Context().Value(userKey{}).(string) == "" {
				panic("no user")
			}
			_, _ = w.Write(greeting)
		})
		var next http.Handler = handler
		if b.N == 0 { // else the compiler sees through, and the request's copy never leaves the stack
			next = nil
		}
		serveLoop(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, "alice")))
		}), httptest.NewRequest(http.MethodGet, "/", nil))
	})
	b.Run("user", func(b *testing.B) {
		serveLoop(
			b, benchMerchant(b, asAlice).RequireGloebit(http.HandlerFunc(greetUser)),
			httptest.NewRequest(http.MethodGet, "/", nil),
		)
	})
	b.Run("own sessions", func(b *testing.B) {
		merchant := benchMerchant(b)
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.AddCookie(signIn(b, merchant))
		serveLoop(b, merchant.RequireGloebit(http.HandlerFunc(greetUser)), request)
	})
	for name, codec := range map[string]scs.Codec{
		"scs with gob": scs.GobCodec{}, "scs with SessionCodec": connect.SessionCodec{},
	} {
		b.Run(name, func(b *testing.B) {
			sessions := &scs.SessionManager{Store: memstore.NewWithCleanupInterval(0), Codec: codec, Lifetime: time.Hour}
			sessions.Cookie.Name = "session"
			handler := sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if sessions.GetString(r.Context(), "user") == "" {
					sessions.Put(r.Context(), "user", "alice")
				}
				_, _ = w.Write(greeting)
			}))
			recorder := httptest.NewRecorder()
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			handler.ServeHTTP(recorder, request)
			request.AddCookie(recorder.Result().Cookies()[0])
			serveLoop(b, handler, request)
		})
	}
}

// BenchmarkCall is one call to a server on loopback.
func BenchmarkCall(b *testing.B) {
	server := httptest.NewServer(answering(http.StatusOK, `{"success":true,"balance":960}`))
	defer server.Close()
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone(), Timeout: 15 * time.Second}
		b.ReportAllocs()
		for b.Loop() {
			request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/balance", nil)
			require.NoError(b, err)
			request.Header.Set("Accept", "application/json")
			request.Header.Set("Authorization", "Bearer "+canaryToken.Reveal())
			response, err := client.Do(request)
			require.NoError(b, err)
			var answer struct {
				Success bool        `json:"success"`
				Balance json.Number `json:"balance"`
			}
			require.NoError(b, json.NewDecoder(response.Body).Decode(&answer))
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	})
	b.Run("ours", func(b *testing.B) {
		merchant := benchMerchant(b, func(c *gloebit.Config) { c.Provider = gloebit.ProviderAt(server.URL) })
		client, err := merchant.Client(b.Context(), "alice")
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			_, err := client.Balance(b.Context())
			require.NoError(b, err)
		}
	})
}

// canned answers every request with a token.
type canned struct{}

func (canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(&tokenAnswer{
			rest: `{"success":true,"access_token":"t","token_type":"bearer","scope":"user transact","app_user_id":"u"}`,
		}),
		Request: r,
	}, nil
}

type tokenAnswer struct{ rest string }

func (a *tokenAnswer) Read(b []byte) (int, error) {
	n := copy(b, a.rest)
	if a.rest = a.rest[n:]; a.rest == "" {
		return n, io.EOF
	}
	return n, nil
}

// BenchmarkCallback measures the callback with a token endpoint that costs
// nothing, and the exchange alone.
func BenchmarkCallback(b *testing.B) {
	client := &http.Client{Transport: canned{}}
	b.Run("exchange alone", func(b *testing.B) {
		config := &oauth2.Config{ClientID: "key", ClientSecret: "secret", Endpoint: oauth2.Endpoint{
			TokenURL: "https://sandbox.gloebit.com/oauth2/access-token", AuthStyle: oauth2.AuthStyleInParams,
		}}
		ctx := context.WithValue(b.Context(), oauth2.HTTPClient, client)
		b.ReportAllocs()
		for b.Loop() {
			_, err := config.Exchange(ctx, "code")
			require.NoError(b, err)
		}
	})
	b.Run("whole", func(b *testing.B) {
		merchant := benchMerchant(b, asAlice, func(c *gloebit.Config) { c.HTTPClient = client })
		connect, callback := merchant.ConnectHandler(), merchant.CallbackHandler()
		start := httptest.NewRecorder()
		connect.ServeHTTP(start, httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil))
		cookie := start.Result().Cookies()[0]
		w := &nowhere{http.Header{}}
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			clear(w.header)
			request := httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil)
			request.AddCookie(cookie)
			connect.ServeHTTP(w, request)
			state := stateOf(b, w.header.Get("Location"))
			if set, err := http.ParseSetCookie(w.header.Get("Set-Cookie")); err == nil {
				cookie = set
			}
			clear(w.header)
			request = httptest.NewRequest(http.MethodGet, "/gloebit/callback?code=c&state="+state, nil)
			request.AddCookie(cookie)
			b.StartTimer()
			callback.ServeHTTP(w, request)
			b.StopTimer()
			require.Equal(b, "/", w.header.Get("Location"))
			set, err := http.ParseSetCookie(w.header.Get("Set-Cookie"))
			require.NoError(b, err)
			cookie = set
			b.StartTimer()
		}
	})
}

func BenchmarkState(b *testing.B) {
	store := &gloebit.MemoryStateStore{}
	pending := connect.PendingConnection{
		UserID: "alice", ReturnTo: "/", BrowserHash: "b", Scopes: []gloebit.Scope{gloebit.ScopeUser},
		ExpiresAt: time.Now().Add(time.Hour),
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key := connect.Key{Realm: "www.gloebit.com/shop", ID: fmt.Sprint(i)}
		require.NoError(b, store.Put(b.Context(), key, pending))
		_, err := store.Take(b.Context(), key)
		require.NoError(b, err)
	}
}

// BenchmarkRefresh measures the latency of calls that wait for one refresh.
func BenchmarkRefresh(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond) // a network
		answering(
			http.StatusOK,
			fmt.Sprintf(
				`{"success":true,"access_token":"t%d","refresh_token":"r","token_type":"bearer","expires_in":3600}`,
				time.Now().UnixNano(),
			),
		)(w, r)
	}))
	defer server.Close()
	for _, waiters := range []int{1, 1000} {
		b.Run(fmt.Sprint(waiters), func(b *testing.B) {
			tokens := &gloebit.MemoryTokenStore{}
			merchant := benchMerchant(b, func(c *gloebit.Config) {
				c.Tokens, c.Provider = tokens, gloebit.ProviderAt(server.URL)
			})
			for b.Loop() {
				b.StopTimer()
				require.NoError(
					b,
					tokens.Update(
						b.Context(), keyOf(merchant, "alice"),
						save(connect.Credential{AccessToken: "old", RefreshToken: "r", TokenExpiry: time.Now()}),
					),
				)
				clients := make([]*gloebit.Client, waiters)
				for i := range clients {
					clients[i], _ = merchant.Client(b.Context(), "alice")
				}
				b.StartTimer()
				var wg sync.WaitGroup
				for _, client := range clients {
					wg.Go(func() {
						if err := gloebit.Refresh(b.Context(), client); err != nil {
							panic(err)
						}
					})
				}
				wg.Wait()
			}
		})
	}
}

// BenchmarkTokens measures the memory of a million users, and a lookup among
// them.
func BenchmarkTokens(b *testing.B) {
	for _, users := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(users), func(b *testing.B) {
			store := &gloebit.MemoryTokenStore{}
			ids := make([]string, users)
			credentials := make([]connect.Credential, users)
			for i := range ids {
				ids[i] = fmt.Sprintf("user-%d", i)
				credentials[i] = connect.Credential{
					AccessToken:  gloebit.Secret(fmt.Sprintf("access-%032d", i)),
					RefreshToken: gloebit.Secret(fmt.Sprintf("refresh-%032d", i)),
					Subject:      fmt.Sprintf("gloebit-%d", i), ConnectedAt: time.Now(), TokenExpiry: time.Now().Add(time.Hour),
				}
			}
			heap := func() uint64 {
				var stats runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&stats)
				return stats.HeapAlloc
			}
			before := heap()
			for i, id := range ids {
				credentials[i].Scopes = []gloebit.Scope{gloebit.ScopeUser, gloebit.ScopeTransact, gloebit.ScopeBalance}
				require.NoError(
					b, store.Update(b.Context(), connect.Key{Realm: "www.gloebit.com/shop", ID: id}, save(credentials[i])),
				)
				credentials[i].Scopes = nil
			}
			perUser := float64(heap()-before) / float64(users)
			runtime.KeepAlive(credentials)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, err := store.Load(b.Context(), connect.Key{Realm: "www.gloebit.com/shop", ID: ids[i*7919%users]})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(perUser, "B/user")
		})
	}
}

func stateOf(b *testing.B, location string) string {
	u, err := url.Parse(location)
	require.NoError(b, err)
	return u.Query().Get("state")
}
