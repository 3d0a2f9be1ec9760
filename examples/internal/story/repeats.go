package story

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

const tokenPath = "/oauth2/access-token"

// handsOutRefreshTokens makes the sandbox return refresh tokens, a new one each
// time.
func (w *world) handsOutRefreshTokens() {
	usual := func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != tokenPath {
			w.gloebit.ServeHTTP(rw, r)
			return
		}
		refresh := "refresh-" + uuid.NewString()
		if r.PostForm.Get("grant_type") == "refresh_token" {
			token, err := w.gloebit.IssueToken(w.appKey, "alice", "user", "balance", "transact", "inventory")
			if err != nil {
				http.Error(rw, err.Error(), http.StatusInternalServerError)
				return
			}
			answer(rw, http.StatusOK, map[string]any{"access_token": token, "refresh_token": refresh})
			return
		}
		recorder := httptest.NewRecorder()
		w.gloebit.ServeHTTP(recorder, r)
		token := map[string]any{}
		_ = json.Unmarshal(recorder.Body.Bytes(), &token) // Gloebit's response is JSON
		token["refresh_token"] = refresh
		answer(rw, recorder.Code, token)
	}
	w.distort(usual)
}

// distort replaces Gloebit's handler.
func (w *world) distort(f http.HandlerFunc) { w.watch.distorted.Store(&f) }

func answer(rw http.ResponseWriter, status int, object map[string]any) {
	text, _ := json.Marshal(object) // texts and booleans can always be encoded
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = rw.Write(text)
}

// gloebitRepeatsWhatItReceives makes Gloebit repeat what the shop has sent, in
// every part of a response that a client may read.
func gloebitRepeatsWhatItReceives(t *testing.T, w *world) {
	w.closeShop()
	w.settings.SettleWait = 300 * time.Millisecond // most of these purchases are not settled
	w.openShop()
	for _, status := range []int{
		http.StatusOK, http.StatusFound, http.StatusBadRequest, http.StatusUnauthorized, http.StatusInternalServerError,
	} {
		t.Run(fmt.Sprintf("in fields, with status %d", status), func(t *testing.T) {
			w.whileRepeating(t, func(rw http.ResponseWriter, r *http.Request) { inFields(rw, r, status) })
		})
		if status == http.StatusInternalServerError {
			continue // its body is not read, and it takes seconds
		}
		t.Run(fmt.Sprintf("in a body, with status %d", status), func(t *testing.T) {
			w.whileRepeating(t, func(rw http.ResponseWriter, r *http.Request) { inBody(rw, r, status) })
		})
	}
	t.Run("or says nothing at all", func(t *testing.T) {
		w.whileRepeating(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	})
}

// whileRepeating makes every kind of request to Gloebit: the exchange, each
// call, and the refresh.
func (w *world) whileRepeating(t *testing.T, repeat http.HandlerFunc) {
	t.Helper()
	usual := w.watch.distorted.Load()
	at := func(token bool) {
		w.distort(func(rw http.ResponseWriter, r *http.Request) {
			if token == (r.URL.Path == tokenPath) {
				repeat(rw, r)
			} else {
				(*usual)(rw, r)
			}
		})
	}
	defer w.watch.distorted.Store(usual)
	consent := newVisitor(t).open(w.shopURL).signIn("alice")
	at(true)
	sorry := consent.submit("/oauth2/authorize", "decision", "approve")
	require.GreaterOrEqual(t, sorry.status, 400, "%s", sorry.text())
	w.watch.distorted.Store(usual)

	sorry.again()
	shelf := sorry.v.open(w.shopURL)
	require.Contains(t, shelf.balance(), "G$")
	order := shelf.order("gift-wrap")
	at(false)
	order.submit("/buy/gift-wrap")
	shelf.follow("My things")
	shelf.reload()
	w.watch.distorted.Store(usual)

	shelf.again()
	require.Positive(t, w.gloebit.ExpireTokens("alice"))
	at(true)
	shelf.v.open(w.shopURL + "/things")
}

// secretsOf returns the secrets of a request, without the text around them.
func secretsOf(r *http.Request) string {
	texts := strings.Fields(r.Header.Get("Authorization"))
	var transaction map[string]any
	_ = json.NewDecoder(r.Body).Decode(&transaction) // other bodies have no hold URLs
	for _, step := range []string{"enact", "consume", "cancel"} {
		if address, ok := transaction["asset-"+step+"-hold-url"].(string); ok {
			texts = append(texts, path.Base(address))
		}
	}
	for _, name := range []string{"code", "client_secret", "code_verifier", "refresh_token"} {
		if value := r.PostForm.Get(name); value != "" {
			texts = append(texts, value)
		}
	}
	return strings.Join(texts, " ")
}

func inFields(rw http.ResponseWriter, r *http.Request, status int) {
	text := secretsOf(r)
	rw.Header().Set("Location", "/elsewhere?"+text)
	rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+text+`"`)
	rw.Header().Set("Retry-After", text)
	answer(rw, status, map[string]any{
		"success": false, "reason": text, "status": text, "error": text, "error_description": text, "token_type": text,
	})
}

func inBody(rw http.ResponseWriter, r *http.Request, status int) {
	dump, _ := httputil.DumpRequest(r, true)
	rw.WriteHeader(status)
	_, _ = fmt.Fprintf(rw, "%s\n%s", secretsOf(r), dump)
}

// callback signs in at Gloebit as alice, approves, and returns the callback URL
// to which Gloebit redirects.
func (v *visitor) callback(w *world) string {
	v.t.Helper()
	consent := v.open(w.shopURL + "/gloebit/connect")
	if consent.url.Path == "/sign-in" {
		consent = consent.submit("/sign-in", "name", "alice")
	}
	var callback string
	v.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == launch.CallbackPath {
			callback = r.URL.String()
			return http.ErrUseLastResponse
		}
		return refer(r, nil)
	}
	defer func() { v.client.CheckRedirect = refer }()
	consent.submit("/oauth2/authorize", "decision", "approve")
	require.NotEmpty(v.t, callback)
	return callback
}
