package redisstore_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// fleet is one application on several machines behind one address. Nothing is
// shared but Redis: each machine has its own client, sessions and merchant.
type fleet struct {
	t       *testing.T
	gloebit *gloebittest.Server
	url     string
	guarded atomic.Int32 // how often a guarded handler ran
}

const machineHeader = "X-Machine" // which machine a request goes to

// newFleet builds machines on what newClient connects to.
func newFleet(
	t *testing.T, machines int, prefix string, newClient func() *redis.Client, changes ...func(*gloebit.Config),
) *fleet {
	t.Helper()
	f := &fleet{t: t, gloebit: gloebittest.NewServerConfig(gloebittest.Config{RefreshTokens: true})}
	t.Cleanup(f.gloebit.Close)
	handlers := make([]http.Handler, machines)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, err := strconv.Atoi(r.Header.Get(machineHeader))
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		handlers[i].ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	f.url = front.URL
	app, err := f.gloebit.AddApplication(gloebittest.Application{
		Name: "Shop", RedirectPrefixes: []string{f.url + "/"},
		Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	require.NoError(t, err)
	_, err = f.gloebit.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)
	require.NoError(t, f.gloebit.Approve("alice"))
	config := gloebit.Config{
		ClientID: app.Key, ClientSecret: connect.Secret(app.Secret), RedirectURL: f.url + "/gloebit/callback",
		Scopes:   []connect.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact},
		Provider: gloebit.ProviderAt(f.gloebit.URL),
	}
	config.Provider.PKCE = true
	for _, change := range changes {
		change(&config)
	}
	for i := range handlers {
		handlers[i] = f.newMachine(config, prefix, newClient())
	}
	return f
}

func (f *fleet) newMachine(config gloebit.Config, prefix string, client *redis.Client) http.Handler {
	f.t.Helper()
	sessions := scs.New()
	sessions.Store = goredisstore.NewWithPrefix(client, prefix+"session:")
	sessions.HashTokenInStore = true
	sessions.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, _ error) {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
	}
	store := newStore(f.t, redisstore.Config{Client: client, Prefix: prefix})
	config.Sessions, config.States, config.Tokens = sessions, store, store
	merchant, err := gloebit.New(config)
	require.NoError(f.t, err)
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.Handle("/balance", merchant.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.guarded.Add(1)
		balance, err := gloebit.MustFromContext(r.Context()).Balance(r.Context())
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		_, _ = fmt.Fprint(w, balance)
	})))
	mux.Handle("POST /buy", merchant.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.guarded.Add(1)
		receipt, err := gloebit.MustFromContext(r.Context()).PurchaseProduct(
			r.Context(), gloebit.ProductOrder{IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 1},
		)
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		_, _ = fmt.Fprint(w, receipt.Balance)
	})))
	return sessions.LoadAndSave(mux)
}

// grants counts the requests to Gloebit's token endpoint with that grant type.
func (f *fleet) grants(kind string) (n int) {
	for _, r := range f.gloebit.Requests() {
		form, err := url.ParseQuery(r.Body)
		if err == nil && strings.Contains(r.Path, "access-token") && form.Get("grant_type") == kind {
			n++
		}
	}
	return n
}

// visitor is a browser that asks the given machine and follows no
// redirect.
type visitor struct {
	fleet  *fleet
	client *http.Client
}

type page struct {
	status   int
	body     string
	location string
	cookies  []*http.Cookie
}

func (f *fleet) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	require.NoError(f.t, err)
	v := &visitor{fleet: f, client: &http.Client{
		Transport:     &http.Transport{}, // a server of httptest that is closed breaks connections of the default one
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	f.t.Cleanup(v.client.CloseIdleConnections)
	return v
}

// ask is safe for concurrent use. A failure is a page without a status.
func (v *visitor) ask(machine int, method, target string) page {
	if strings.HasPrefix(target, "/") {
		target = v.fleet.url + target
	}
	request, err := http.NewRequestWithContext(v.fleet.t.Context(), method, target, nil)
	if err != nil {
		return page{body: err.Error()}
	}
	request.Header.Set(machineHeader, strconv.Itoa(machine))
	request.Header.Set("X-User", "alice") // for merchants that have users of their own
	response, err := v.client.Do(request)
	if err != nil {
		return page{body: err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return page{body: err.Error()}
	}
	return page{response.StatusCode, string(body), response.Header.Get("Location"), response.Cookies()}
}

// callback starts a connection on a machine and returns where Gloebit sends the
// browser back to, unvisited.
func (v *visitor) callback(machine int) string {
	v.fleet.t.Helper()
	connect := v.ask(machine, http.MethodGet, "/gloebit/connect?return_to=/balance")
	require.Equal(v.fleet.t, http.StatusSeeOther, connect.status, connect.body)
	consent := v.ask(machine, http.MethodGet, connect.location)
	require.Equal(v.fleet.t, http.StatusFound, consent.status, consent.body)
	return consent.location
}

// connect connects the visitor, on one machine and another.
func (v *visitor) connect(first, second int) {
	v.fleet.t.Helper()
	back := v.ask(second, http.MethodGet, v.callback(first))
	require.Equal(v.fleet.t, http.StatusSeeOther, back.status, back.body)
	require.Equal(v.fleet.t, "/balance", back.location)
}

// sentOnly is a jar that sends cookies and takes none.
type sentOnly struct{ http.CookieJar }

func (sentOnly) SetCookies(*url.URL, []*http.Cookie) {}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u
}
