package gloebit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// TestUsername checks which name a transaction contains.
func TestUsername(t *testing.T) {
	identity := []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeTransact}
	for name, test := range map[string]struct {
		userID     string
		credential connect.Credential
		given      string
		want       string // empty: nothing is sent
		asked      bool   // GET id comes first
	}{
		"given":                    {"u", connect.Credential{Name: "Al Ice", Scopes: identity}, "Al", "Al", false},
		"kept from the connection": {"u", connect.Credential{Name: "Al Ice", Scopes: identity}, "", "Al Ice", false},
		"application's id":         {"u", connect.Credential{Scopes: identity}, "", "u", false},
		"session, not read before": {"session:1", connect.Credential{Scopes: identity}, "", "Alice", true},
		"session, kept": {
			"session:1", connect.Credential{Name: "Al Ice", Scopes: identity}, "", "Al Ice", false,
		},
		"session, given":             {"session:1", connect.Credential{}, "Al", "Al", false},
		"session without a name":     {"session:1", connect.Credential{Scopes: identity[1:]}, "", "", false},
		"session, refused":           {"session:2", connect.Credential{Scopes: identity}, "", "session:2", true},
		"session, refused, account":  {"session:2", connect.Credential{Scopes: identity, Subject: "g"}, "", "g", true},
		"application's id, no scope": {"u", connect.Credential{Scopes: identity[1:]}, "", "u", false},
		"session, name in other scope": {
			"session:1", connect.Credential{Scopes: []gloebit.Scope{gloebit.ScopeUser}}, "", "Alice", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var sent []string
			_, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && test.userID == "session:2" {
					sent = append(sent, "identity")
					_, _ = io.WriteString(w, `{"success":false,"reason":"unknown user"}`)
					return
				}
				if r.Method == http.MethodGet {
					sent = append(sent, "identity")
					_, _ = io.WriteString(w, `{"success":true,"id":"a-1","name":"Alice","params":{}}`)
					return
				}
				var body map[string]any
				require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
				require.Equal(t, body["merchant-user-id"], body["username-on-application"])
				sent = append(sent, body["merchant-user-id"].(string))
				_, _ = io.WriteString(w, `{"success":true,"status":"queued","reason":"success"}`)
			})
			test.credential.AccessToken = "token"
			require.NoError(t, tokens.Update(t.Context(), keyOf(merchant, test.userID), save(test.credential)))
			client, err := merchant.Client(t.Context(), test.userID)
			require.NoError(t, err)
			_, err = client.PurchaseProduct(t.Context(), gloebit.ProductOrder{
				ID: "t-1", Product: "hat", Username: test.given, Quantity: 1,
			})
			var want []string
			if test.asked {
				want = append(want, "identity")
			}
			if test.want == "" {
				require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
			} else {
				require.NoError(t, err)
				want = append(want, test.want)
			}
			require.Equal(t, want, sent)
			if test.asked && test.userID == "session:1" { // the next one need not ask
				_, err = client.PurchaseProduct(t.Context(), gloebit.ProductOrder{ID: "t-2", Product: "hat", Quantity: 1})
				require.NoError(t, err)
				require.Equal(t, append(want, test.want), sent)
				kept, err := tokens.Load(t.Context(), keyOf(merchant, test.userID))
				require.NoError(t, err)
				require.Equal(t, test.want, kept.Name)
			}
		})
	}
}

// TestNameAtConnection checks that connecting reads the name, that a refresh
// keeps it, and that an unreadable name is no failure.
func TestNameAtConnection(t *testing.T) {
	server := gloebittest.Config{RefreshTokens: true, TokenLifetime: time.Minute}
	for name, test := range map[string]struct {
		scopes []gloebit.Scope
		fault  gloebittest.Fault
		want   string // in the credential
		sent   string // by a purchase
	}{
		"read":       {nil, gloebittest.Fault{}, "alice", "alice"},
		"no scope":   {[]gloebit.Scope{gloebit.ScopeTransact}, gloebittest.Fault{}, "", "ann"},
		"unreadable": {nil, gloebittest.Fault{Path: "id", Status: http.StatusNotFound}, "", "ann"},
		"refused":    {nil, gloebittest.Fault{Path: "id", Reason: "unknown user"}, "", "ann"},
	} {
		t.Run(name, func(t *testing.T) {
			var reported gloebit.Connection
			w, client := connectedAt(t, server, "", func(_ *world, c *gloebit.Config) {
				c.Scopes = test.scopes
				c.OnConnect = func(_ *http.Request, connection gloebit.Connection) error { reported = connection; return nil }
			}, func(w *world, _ *gloebit.Config) {
				if test.fault.Path != "" {
					w.gloebit.Inject(test.fault)
				}
			})
			require.Equal(t, test.want, reported.Name)
			for range 2 {
				credential, err := w.tokens.Load(t.Context(), keyOf(w.merchant, "id of ann"))
				require.NoError(t, err)
				require.Equal(t, test.want, credential.Name)
				_, err = client.PurchaseProduct(t.Context(), gloebit.ProductOrder{
					ID: uuid.NewString(), Product: "green-hat", Quantity: 1,
				})
				require.NoError(t, err)
				require.Equal(t, test.sent, w.gloebit.Transactions()[0].Username)
				w.clock.Advance(61 * time.Second) // the next purchase refreshes the token
			}
		})
	}
}

// TestProductPrice checks a price that is sent with a product.
func TestProductPrice(t *testing.T) {
	const resubmitted = `{"success":true,"status":"queued","reason":"resubmitted"`
	const queued = `{"success":true,"status":"queued","reason":"success"`
	for name, test := range map[string]struct {
		price, quantity int64
		answer          string
		sent            any
		err             error
		charged         string
	}{
		"none":                 {0, 2, queued + `}`, nil, nil, ""},
		"sent as a total":      {40, 2, queued + `}`, 80., nil, ""},
		"sent and the same":    {40, 1, queued + `,"gloebit-balance-change":40.0}`, 40., nil, "40.0"},
		"sent and another":     {40, 2, queued + `,"gloebit-balance-change":90}`, 80., gloebit.ErrPriceChanged, "90"},
		"sent without a price": {0, 1, queued + `,"gloebit-balance-change":90}`, nil, nil, "90"},
		"sent as a text":       {40, 1, queued + `,"gloebit-balance-change":"40"}`, 40., nil, "40"},
		"sent as a change":     {40, 1, queued + `,"gloebit-balance-change":-40}`, 40., nil, "40"},
		"sent as an object":    {40, 1, queued + `,"gloebit-balance-change":{}}`, 40., nil, ""},
		"too large to read":    {40, 1, queued + `,"gloebit-balance-change":1e100}`, 40., nil, ""},
		"of the first order":   {50, 1, resubmitted + `,"gloebit-balance-change":40}`, 50., nil, "40"},
		"negative":             {-1, 1, "", nil, gloebit.ErrInvalidRequest, ""},
		"too much":             {1 << 52, 3, "", nil, gloebit.ErrInvalidRequest, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var body map[string]any
			client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
				_, _ = io.WriteString(w, test.answer)
			})
			order := gloebit.ProductOrder{IdempotencyKey: "k", Product: "hat", Price: test.price, Quantity: test.quantity}
			receipt, err := client.PurchaseProduct(t.Context(), order)
			if test.answer == "" {
				require.ErrorIs(t, err, test.err)
				require.Nil(t, body)
				return
			}
			require.ErrorIs(t, err, test.err)
			require.Contains(t, []gloebit.Outcome{gloebit.OutcomeQueued, gloebit.OutcomeResubmitted}, receipt.Outcome)
			require.Equal(t, test.sent, body["gloebit-balance-change"])
			if test.charged == "" {
				require.False(t, receipt.Charged.Known())
			} else {
				require.Equal(t, test.charged, receipt.Charged.String())
			}
			order.Price++
			again, _ := client.PurchaseProduct(context.Background(), order)
			require.Equal(t, receipt.TransactionID, again.TransactionID, "a new price is no new purchase")
		})
	}
}

// TestUnusualNumbers checks that an unreadable optional number does not fail a
// successful response.
func TestUnusualNumbers(t *testing.T) {
	for name, test := range map[string]struct{ sent, balance, count string }{
		"numbers":       {`"balance":960,"product-count":2`, "960", "2"},
		"strings":       {`"balance":"960","product-count":"2"`, "960", "2"},
		"with a dot":    {`"balance":960.0,"product-count":2.0`, "960.0", "2"},
		"a fraction":    {`"balance":0.5,"product-count":1.5`, "0.5", ""},
		"null":          {`"balance":null,"product-count":null`, "", ""},
		"other types":   {`"balance":{},"product-count":[]`, "", ""},
		"words":         {`"balance":"much","product-count":"two"`, "", ""},
		"out of bounds": {`"balance":1e100,"product-count":1e30`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := clientOf(t, answering(http.StatusOK, `{"success":true,"status":"queued",`+test.sent+`}`))
			receipt, err := client.PurchaseProduct(t.Context(), gloebit.ProductOrder{ID: "t-1", Product: "hat", Quantity: 1})
			require.NoError(t, err)
			require.Equal(t, gloebit.OutcomeQueued, receipt.Outcome)
			if test.balance == "" {
				require.False(t, receipt.Balance.Known())
			} else {
				require.Equal(t, test.balance, receipt.Balance.String())
			}
			if test.count == "" {
				require.Nil(t, receipt.ProductCount)
			} else {
				require.Equal(t, test.count, strconv.FormatInt(*receipt.ProductCount, 10))
			}
		})
	}
}

// TestNameFromHostileServer checks how a connection cleans a name before it is
// stored.
func TestNameFromHostileServer(t *testing.T) {
	for name, test := range map[string]struct{ answer, want string }{
		"plain":              {`"Al Ice"`, "Al Ice"},
		"null":               {`null`, ""},
		"control characters": {`"A\u0000l\nI\u202ece\u200b"`, "AlIce"},
		"long":               {`"` + strings.Repeat("é", 500) + `"`, strings.Repeat("é", 100)},
		"the code":           {`"CODE"`, "[redacted]"},
		"the token":          {`"I am TOKEN"`, ""}, // refused as a whole
	} {
		t.Run(name, func(t *testing.T) {
			namer := &namer{answer: test.answer}
			w, _ := connectedAt(t, gloebittest.Config{}, "", func(_ *world, c *gloebit.Config) {
				c.HTTPClient = &http.Client{Transport: namer}
			})
			credential, err := w.tokens.Load(t.Context(), keyOf(w.merchant, "id of ann"))
			require.NoError(t, err)
			require.Equal(t, test.want, credential.Name)
			require.NotContains(t, w.log.String(), namer.code)
		})
	}
}

// namer is a server whose identity endpoint sends the given answer, with the
// client's secrets in place of CODE and TOKEN.
type namer struct {
	answer string
	waits  func(context.Context) // before it answers; nil answers at once
	code   string
}

func (n *namer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/id" {
		if r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			if form, err := url.ParseQuery(string(body)); err == nil && form.Get("code") != "" {
				n.code = form.Get("code")
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		return http.DefaultTransport.RoundTrip(r)
	}
	if n.waits != nil {
		n.waits(r.Context())
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	name := strings.NewReplacer("TOKEN", token, "CODE", n.code).Replace(n.answer)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"success":true,"id":"a-1","name":` + name + `}`)),
	}, nil
}

// TestConnectionOutlivesBrowser checks that a connection completes if the
// browser disconnects after the state was used, while the name is still being
// read.
func TestConnectionOutlivesBrowser(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	namer := &namer{answer: `"Al"`, waits: func(context.Context) { leave() }}
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.User, c.Scopes, c.HTTPClient = headerUser, nil, &http.Client{Transport: namer}
	})
	ann := w.browser("ann")
	callback := ann.callback("/gloebit/connect")
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, callback.String(), nil)
	r.Header.Set("X-User", "ann")
	for _, cookie := range ann.jar.Cookies(callback) {
		r.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	w.mux.ServeHTTP(recorder, r)
	require.Equal(t, http.StatusSeeOther, recorder.Code)
	credential, err := w.tokens.Load(t.Context(), keyOf(w.merchant, "id of ann"))
	require.NoError(t, err)
	require.Equal(t, "Al", credential.Name)
}

// TestNameTimeout checks that a slow name delays a connection or a transaction
// by at most five seconds.
func TestNameTimeout(t *testing.T) {
	namer := &namer{waits: func(ctx context.Context) {
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		require.LessOrEqual(t, time.Until(deadline), 5*time.Second)
	}, answer: `"Al"`}
	w, client := connectedAt(t, gloebittest.Config{}, "", func(_ *world, c *gloebit.Config) {
		c.User, c.HTTPClient = nil, &http.Client{Transport: namer}
	})
	require.Equal(t, "Al", client.Name())
	require.NotNil(t, w)
}
