package gloebit_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestSecurity22SecretsDoNotPrint(t *testing.T) {
	const value = "hunter2"
	secret := gloebit.Secret(value)
	holder := struct {
		S gloebit.Secret
		P *gloebit.Secret
		M map[string]gloebit.Secret
	}{secret, &secret, map[string]gloebit.Secret{"k": secret}}

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%o", "%08.3f", "%c", "%U"} {
		for _, what := range []any{
			secret, &secret, holder, &holder, []gloebit.Secret{secret},
			connect.Credential{AccessToken: secret, RefreshToken: secret},
		} {
			printed := fmt.Sprintf(verb, what)
			require.NotContains(t, printed, value, verb)
			require.NotContains(t, printed, fmt.Sprintf("%x", value), verb)
		}
	}
	encoded, err := json.Marshal(holder)
	require.NoError(t, err)
	require.NotContains(t, string(encoded), value)
	encoded, err = xml.Marshal(connect.Credential{AccessToken: secret})
	require.NoError(t, err)
	require.NotContains(t, string(encoded), value)
	require.NotContains(t, secret.GoString(), value, "for callers that don't use Format")

	var logged bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
		slog.New(handler).Info("x", "secret", secret, "holder", holder, "credential", connect.Credential{AccessToken: secret})
	}
	require.NotContains(t, logged.String(), value)
	require.Equal(t, value, secret.Reveal())
	require.Equal(t, "[redacted]", secret.String())
}

func TestSecurity22HoldersDoNotPrintSecrets(t *testing.T) {
	client, merchant, tokens := clientOf(t, answering(200, `{}`), func(c *gloebit.Config, _ *connect.Credential) {
		c.ClientSecret = "canary-client-secret"
	})
	states := &gloebit.MemoryStateStore{}
	require.NoError(
		t,
		states.Put(t.Context(), keyOf(merchant, "k"), connect.PendingConnection{
			Secret: "canary-verifier", ExpiresAt: time.Now().Add(time.Hour),
		}),
	)
	log := &testkit.Log{}
	for _, what := range []any{
		client, merchant, tokens, states, []any{client, merchant}, struct{ C *gloebit.Client }{client},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			require.NotContains(t, fmt.Sprintf(verb, what), "canary", "%T", what)
		}
		slog.New(slog.NewTextHandler(log, nil)).Info("x", "what", what)
		slog.New(slog.NewJSONHandler(log, nil)).Info("x", "what", what)
		encoded, _ := json.Marshal(what) // some can't be, which is as well
		require.NotContains(t, string(encoded), "canary")
	}
	require.NotContains(t, log.String(), "canary")
	require.Contains(t, fmt.Sprint(client), "gloebit.Client(u)")
}

func TestSecurity22RequestContextDoesNotPrintSession(t *testing.T) {
	merchant := benchMerchant(t)
	cookie := signIn(t, merchant)
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.AddCookie(cookie)
	for name, middleware := range map[string]func(http.Handler) http.Handler{
		"required": merchant.RequireGloebit, "optional": merchant.Optional,
	} {
		printed := ""
		middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				printed += fmt.Sprintf(verb, r.Context())
			}
		})).ServeHTTP(httptest.NewRecorder(), request)
		require.NotEmpty(t, printed, name)
		require.NotContains(t, printed, cookie.Value, name)
		require.NotContains(t, printed, "canary", name)
	}
}

// TestSecurity22TokenEndpointErrorsHoldNoSecret has a token endpoint echo the
// request.
func TestSecurity22TokenEndpointErrorsHoldNoSecret(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter, sent string){
		"a page":             func(w http.ResponseWriter, sent string) { _, _ = io.WriteString(w, "<html>"+sent) },
		"a page of an error": func(w http.ResponseWriter, sent string) { http.Error(w, sent, http.StatusBadRequest) },
		"a broken server": func(w http.ResponseWriter, sent string) {
			http.Error(w, sent, http.StatusInternalServerError)
		},
		"half of JSON": func(w http.ResponseWriter, sent string) { _, _ = io.WriteString(w, `{"access_token":"`+sent) },
		"an unusable token": func(w http.ResponseWriter, sent string) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"`+sent+` "}`)
		},
		"JSON of other members": func(w http.ResponseWriter, sent string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"sent":"`+sent+`"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent, _ := io.ReadAll(r.Body)
				answer(w, string(sent))
			}))
			t.Cleanup(echo.Close)
			var failed error
			w := newWorld(t, func(_ *world, c *gloebit.Config) {
				c.Provider.TokenURL = echo.URL
				c.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
					failed = err
					w.WriteHeader(gloebit.StatusCode(err))
				}
			})
			b := w.browser("")
			callback := b.callback("/gloebit/connect")
			require.Equal(t, http.StatusBadGateway, b.get(callback.String()).status)
			require.ErrorIs(t, failed, gloebit.ErrTokenExchange)
			printed := fmt.Sprintf("%v %+v %#v %q", failed, failed, failed, failed) + w.log.String()
			encoded, _ := json.Marshal(failed)
			for _, secret := range []string{
				w.app.Secret, callback.Query().Get("code"), callback.Query().Get("state"), w.states.lastPending.Secret.Reveal(),
			} {
				require.NotContains(t, printed+string(encoded), secret)
			}
		})
	}
}

func TestSecurity23ProviderTextIsNotShown(t *testing.T) {
	const words = `"><script>alert(1)</script>`
	t.Run("of an authorization", func(t *testing.T) {
		w := newWorld(t)
		b := w.browser("")
		callback := b.callback("/gloebit/connect")
		query := callback.Query()
		query.Del("code")
		query.Set("error", words)
		query.Set("error_description", words+"\n2026/01/01 a line of its own")
		callback.RawQuery = query.Encode()
		for _, accept := range []string{"text/html", "application/json"} {
			p := b.do(http.MethodGet, callback.String(), nil, http.Header{"Accept": {accept}})
			require.NotContains(t, p.body, "alert")
		}
		require.Contains(t, w.log.String(), "alert(1)", "the log has them")
		require.NotContains(t, w.log.String(), "\n2026", "in one line")
	})
	t.Run("of an exchange", func(t *testing.T) {
		w := newWorld(t)
		body, err := json.Marshal(map[string]string{"error": words, "error_description": words})
		require.NoError(t, err)
		w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Status: 400, Body: string(body)})
		p := w.browser("").get("/private")
		require.Equal(t, http.StatusBadGateway, p.status)
		require.NotContains(t, p.body, "alert")
		require.Contains(t, w.log.String(), "alert(1)")
	})
	t.Run("of a call", func(t *testing.T) {
		w := newWorld(t)
		w.mux.Handle("/balance", w.merchant.RequireGloebit(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_, err := gloebit.MustFromContext(r.Context()).Balance(r.Context())
			w.merchant.HandleError(rw, r, err)
		})))
		w.gloebit.Inject(gloebittest.Fault{Path: "balance", Reason: words})
		p := w.browser("").get("/balance")
		require.Equal(t, http.StatusBadGateway, p.status)
		require.NotContains(t, p.body, "alert")
	})
	t.Run("and its name is escaped", func(t *testing.T) {
		w := newWorld(t, func(_ *world, c *gloebit.Config) { c.Provider.Name = "Bits & <b>Bobs</b>" })
		require.Contains(
			t, w.browser("").get("/gloebit/callback").body+w.browser("").do(http.MethodPost, "/private", nil, nil).body,
			"Bits &amp; &lt;b&gt;Bobs&lt;/b&gt;",
		)
	})
}
