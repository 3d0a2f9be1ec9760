package gloebit_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// repeating is the URL of a server whose response is made from a request's body
// and Authorization header.
func repeating(t *testing.T, answer func(sent, authorization string) string) string {
	t.Helper()
	return testkit.RawServer(t, func(r *http.Request, body string) string {
		return answer(body, r.Header.Get("Authorization"))
	})
}

// saysJSON is a response of type JSON whose body may be anything.
func saysJSON(status int, body string) string {
	return fmt.Sprintf(
		"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status,
		len(body), body,
	)
}

// printed is an error and all that it wraps, under every verb.
func printed(err error) string {
	text := fmt.Sprintf("%v %+v %#v %q\n", err, err, err, err)
	encoded, _ := json.Marshal(err)
	text += string(encoded)
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		if inner := wrapper.Unwrap(); inner != nil {
			text += printed(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			text += printed(inner)
		}
	}
	return text
}

// inPHP is a text as PHP's json_encode writes it.
func inPHP(text string) string { return strings.ReplaceAll(text, "/", `\/`) }

// oddSecret has characters that every encoding escapes.
const oddSecret = "s3cret/with+chars/in=it"

func TestSecurity22ConnectErrorsHideEchoedSecrets(t *testing.T) {
	of := func(sent, name string) string { v, _ := url.ParseQuery(sent); return v.Get(name) }
	for name, answer := range map[string]func(sent, authorization string) string{
		"a malformed header":   func(sent, _ string) string { return testkit.BadHeader(sent) },
		"a malformed status":   func(sent, _ string) string { return testkit.BadStatus(of(sent, "client_secret")) },
		"a malformed location": func(sent, _ string) string { return testkit.BadLocation(sent) },
		"a malformed trailer":  func(sent, _ string) string { return testkit.BadTrailer(sent) },
		"a type of token": func(sent, _ string) string {
			return saysJSON(200, `{"access_token":"abc","token_type":"`+of(sent, "client_secret")+`"}`)
		},
		"a scope": func(sent, _ string) string {
			return saysJSON(200, `{"access_token":"abc","token_type":"Bearer","scope":"user `+of(sent, "code")+`"}`)
		},
		"the user's id": func(sent, _ string) string {
			return saysJSON(
				200, `{"access_token":"abcdefghijklmnop","token_type":"Bearer","app_user_id":"`+of(sent, "client_secret")+`"}`,
			)
		},
		"the user's id of the new token": func(string, string) string {
			return saysJSON(
				200, `{"access_token":"new/access+token=","token_type":"Bearer","app_user_id":"new%2Faccess%2Btoken="}`,
			)
		},
		"the user's id of the new refresh token": func(string, string) string {
			return saysJSON(
				200,
				`{"access_token":"abc","refresh_token":"new/access+token=",`+
					`"token_type":"Bearer","app_user_id":"new/access+token="}`,
			)
		},
		"the user's id of the verifier": func(sent, _ string) string {
			return saysJSON(200, `{"access_token":"abc","token_type":"Bearer","app_user_id":"`+of(sent, "code_verifier")+`"}`)
		},
		"a scope of the new token": func(string, string) string {
			return saysJSON(200, `{"access_token":"new/access+token=","token_type":"Bearer","scope":"user new/access+token="}`)
		},
		"the whole form": func(sent, _ string) string {
			return saysJSON(400, `{"error":"invalid_request","error_description":"`+sent+`"}`)
		},
		"a secret as PHP writes it": func(sent, _ string) string {
			return saysJSON(400, `{"error":"invalid_request","reason":"bad secret `+inPHP(of(sent, "client_secret"))+`"}`)
		},
		"a form": func(sent, _ string) string {
			return strings.Replace(
				saysJSON(400, "error=bad&error_description="+url.QueryEscape(sent)), "json", "x-www-form-urlencoded", 1,
			)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var failed error
			w := newWorld(t, func(_ *world, c *gloebit.Config) {
				c.Provider.TokenURL, c.ClientSecret = repeating(t, answer)+"/token", oddSecret
				c.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
					failed = err
					w.WriteHeader(gloebit.StatusCode(err))
				}
			})
			b := w.browser("")
			callback := b.callback("/gloebit/connect")
			b.follow = false
			page := b.get(callback.String())
			var watch leaktest.Witness
			watch.Secret(
				"secret", oddSecret, callback.Query().Get("code"), w.states.lastPending.Secret.Reveal(), "new/access+token=",
			)
			watch.Saw("log", w.log.String(), page.body)
			if failed != nil {
				require.ErrorIs(t, failed, gloebit.ErrTokenExchange)
				watch.Saw("log", printed(failed))
			} else {
				require.Contains(t, w.log.String(), "gloebit: connected")
			}
			watch.Wants(t, leaktest.Table{"secret": nil})
		})
	}
}

func TestSecurity22CallErrorsHideEchoedSecrets(t *testing.T) {
	token := func(authorization string) string { return strings.TrimPrefix(authorization, "Bearer ") }
	reason := func(text string) string {
		return `{"success":false,"status":"` + text + `","reason":"bad token ` + text + `"}`
	}
	for name, answer := range map[string]func(sent, authorization string) string{
		"as it is":         func(_, a string) string { return saysJSON(200, reason(token(a))) },
		"as PHP writes it": func(_, a string) string { return saysJSON(200, reason(inPHP(token(a)))) },
		"with a sign escaped": func(_, a string) string {
			return saysJSON(200, reason(strings.ReplaceAll(token(a), "=", `\u003d`)))
		},
		"in a query": func(_, a string) string { return saysJSON(400, reason(url.QueryEscape(token(a)))) },
		"in JSON of JSON": func(_, a string) string {
			return saysJSON(401, reason(strings.ReplaceAll(token(a), "/", `\\/`)))
		},
		"a malformed header":   func(_, a string) string { return testkit.BadHeader(a) },
		"a malformed location": func(_, a string) string { return testkit.BadLocation(a) },
		"a malformed trailer":  func(_, a string) string { return testkit.BadTrailer(a) },
		"OAuth 1.0a's challenge": func(_, a string) string {
			return "HTTP/1.1 401 X\r\nWWW-Authenticate: OAuth oauth_problem=\"" + a + "\"\r\nContent-Length: 0\r\n\r\n"
		},
		"OAuth 1.0a's problem": func(_, a string) string { return saysJSON(401, "oauth_problem="+url.QueryEscape(a)) },
		"the user's id": func(_, a string) string {
			return saysJSON(200, `{"success":true,"id":"`+inPHP(token(a))+`"}`)
		},
		"the user's name": func(_, a string) string {
			return saysJSON(200, `{"success":true,"id":"1","name":"`+inPHP(token(a))+`"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := &testkit.Log{}
			client, _, _ := clientOf(t, nil, func(c *gloebit.Config, credential *connect.Credential) {
				c.Provider, c.ClientSecret, credential.AccessToken = gloebit.ProviderAt(repeating(t, answer)), "another-secret",
					oddSecret
				c.Logger = slog.New(slog.NewTextHandler(log, nil))
			})
			_, err := client.Identity(t.Context())
			require.Error(t, err)
			watch := leaktest.Witness{}
			watch.Secret("token", oddSecret)
			watch.Saw("error", log.String(), printed(err))
			watch.Wants(t, leaktest.Table{"token": nil})
		})
	}
}

// TestSecurity22EchoedUnsentSecretsAreHidden has a server send secrets that the
// request did not contain, in a refusal and in the response to a refresh.
func TestSecurity22EchoedUnsentSecretsAreHidden(t *testing.T) {
	secrets := map[string]string{
		"access token": "the-access-token", "refresh token": "the-refresh-token", "token secret": "the-token-secret",
		"client secret": "the-client-secret",
	}
	for name, secret := range secrets {
		for what, answer := range map[string]string{
			"a call":    `{"success":false,"reason":"bad ` + secret + `","status":"` + secret + `"}`,
			"a refusal": `{"error":"invalid_grant","error_description":"bad ` + secret + `"}`,
			"a refresh": `{"success":true,"access_token":"another","app_user_id":"` + secret + `"}`,
			"its scope": `{"success":true,"access_token":"another","scope":"user ` + secret + `"}`,
		} {
			if what != "a call" && name == "token secret" { // OAuth 1.0a refreshes nothing
				continue
			}
			t.Run(name+" in "+what, func(t *testing.T) {
				log := &testkit.Log{}
				client, merchant, tokens := clientOf(t, answering(200, answer), func(
					c *gloebit.Config, credential *connect.Credential,
				) {
					c.ClientSecret, c.Logger = "the-client-secret", slog.New(slog.NewTextHandler(log, nil))
					credential.AccessToken, credential.RefreshToken, credential.TokenSecret = "the-access-token", "the-refresh-token",
						"the-token-secret"
					if what != "a call" {
						credential.TokenExpiry = time.Now().Add(-time.Hour)
					}
				})
				_, err := client.Identity(t.Context())
				require.Error(t, err)
				kept, _ := tokens.Load(t.Context(), keyOf(merchant, "u"))
				require.NotContains(t, printed(err)+log.String()+fmt.Sprint(kept, client.GloebitID(), client.Scopes()), secret)
			})
		}
	}
}

// TestSecurity22TransactionHidesEchoedHoldURLs treats hold URLs and their
// signatures as secrets, because they suffice to make a callback.
func TestSecurity22TransactionHidesEchoedHoldURLs(t *testing.T) {
	at := func(step string) string { return "https://shop.example/hold/1/" + step + "/signature-of-" + step }
	hold := gloebit.HoldURLs{Enact: at("enact"), Consume: at("consume"), Cancel: at("cancel")}
	for _, step := range []string{"enact", "consume", "cancel"} {
		for said, want := range map[string]string{
			"bad URL " + at(step):                "bad URL [redacted]",
			"bad signature signature-of-" + step: "bad signature [redacted]",
		} {
			for _, success := range []string{"true", "false"} {
				client, _, _ := clientOf(
					t, answering(http.StatusOK, `{"success":`+success+`,"id":"1","status":"`+said+`","reason":"`+said+`"}`),
				)
				receipt, err := client.Transact(t.Context(), gloebit.Transaction{
					Asset: "hat", AssetQuantity: 1, Total: 1, ID: "1", Hold: hold,
				})
				require.Equal(t, success == "true", err == nil, err)
				require.Equal(t, []string{want, want}, []string{receipt.Status, receipt.Reason})
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "signature-of")
			}
		}
	}
}

// TestHoldURLsDoNotChangeReasons checks hold URLs that end in a word of
// Gloebit's reasons.
func TestHoldURLsDoNotChangeReasons(t *testing.T) {
	for word, test := range map[string]struct {
		reason string
		want   gloebit.Outcome
	}{
		"transaction":  {"transaction already created", gloebit.OutcomeResubmitted},
		"insufficient": {"insufficient balance", gloebit.OutcomeInsufficientBalance},
	} {
		at := func(step string) string { return "https://shop.example/hold/1/" + step + "/" + word }
		hold := gloebit.HoldURLs{Enact: at("enact"), Consume: at("consume"), Cancel: at("cancel")}
		client, merchant, _ := clientOf(t, answering(http.StatusOK, `{"success":false,"id":"1","reason":"`+test.reason+`"}`))
		merchant.RetryWithin(time.Millisecond)
		receipt, _ := client.Transact(t.Context(), gloebit.Transaction{
			Asset: "hat", AssetQuantity: 1, Total: 1, ID: "1", Hold: hold,
		})
		require.Equal(t, test.want, receipt.Outcome, word)
		require.Equal(t, test.reason, receipt.Reason)
	}
}

func TestSecurity22ReceiptHidesEchoedSecrets(t *testing.T) {
	for _, success := range []string{"true", "false"} {
		client, _, _ := clientOf(t, nil, func(c *gloebit.Config, credential *connect.Credential) {
			credential.AccessToken = oddSecret
			credential.Scopes = append(credential.Scopes, gloebit.ScopeTransact)
			c.Provider = gloebit.ProviderAt(repeating(t, func(_, authorization string) string {
				said := inPHP(strings.TrimPrefix(authorization, "Bearer "))
				return saysJSON(
					200, `{"success":`+success+`,"id":"1","status":"`+said+`","reason":"`+said+`","pending":true,"enabled":true}`,
				)
			}))
		})
		receipt, err := client.Transact(t.Context(), gloebit.Transaction{Asset: "hat", AssetQuantity: 1, Total: 1, ID: "1"})
		authorization, refused := client.CreateSubscriptionAuthorization(t.Context(), "1")
		require.Equal(t, success == "true", err == nil, err)
		require.Equal(t, success == "true", refused == nil, refused)
		require.Equal(t, []string{"[redacted]", "[redacted]", "[redacted]"}, []string{
			receipt.Status, receipt.Reason, authorization.Status,
		})
	}
}

func TestSecurity22NetworkErrorHidesQuery(t *testing.T) {
	at := "http://" + testkit.ClosedPort(t)
	var failed error
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.Provider.TokenURL = at + "/token?q=canary-in-a-query"
		c.ErrorHandler = func(_ http.ResponseWriter, _ *http.Request, err error) { failed = err }
	})
	w.browser("").get("/private")
	client, _, _ := clientOf(
		t, nil, func(c *gloebit.Config, _ *connect.Credential) { c.Provider = gloebit.ProviderAt(at) },
	)
	_, called := client.ConsumeProduct(t.Context(), "canary-product", 1)
	for _, err := range []error{failed, called} {
		require.ErrorIs(t, err, gloebit.ErrUnavailable)
		var dial *net.OpError
		require.ErrorAs(t, err, &dial)
		require.Equal(t, "dial", dial.Op)
		var address *url.Error
		require.NotErrorAs(t, err, &address)
		require.NotContains(t, printed(err), "canary")
	}
}
