package gloebit_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestTokenAnswerThatGivesNoToken(t *testing.T) {
	for name, test := range map[string]struct {
		answer  answer
		want    error  // of a refresh
		says    string // in the error
		deletes bool   // the refresh disconnects
	}{
		"no access token": {
			answer{body: `{"token_type":"Bearer"}`}, gloebit.ErrInvalidResponse, "", false,
		},
		"an access token that is null": {
			answer{body: `{"access_token":null}`}, gloebit.ErrInvalidResponse, "", false,
		},
		"an access token in digits": {
			answer{body: `{"access_token":1234567890}`}, gloebit.ErrInvalidResponse, "", false,
		},
		"an access token in an array": {
			answer{body: `{"access_token":["canary-in-answer"]}`}, gloebit.ErrInvalidResponse, "", false,
		},
		"an empty access token": {answer{body: `{"access_token":""}`}, gloebit.ErrInvalidResponse, "", false},
		"an access token in upper case": {
			answer{body: `{"ACCESS_TOKEN":"canary-in-answer"}`}, gloebit.ErrInvalidResponse, "", false,
		},
		"an access token in an object": {
			answer{body: `{"data":{"access_token":"canary-in-answer"}}`}, gloebit.ErrInvalidResponse, "", false,
		},
		"a type of token in digits": {
			answer{body: `{"access_token":"canary-in-answer","token_type":7}`}, gloebit.ErrInvalidResponse, "", false,
		},
		"two access tokens": {
			answer{body: `{"access_token":"canary-in-answer","access_token":"b"}`},
			gloebit.ErrInvalidResponse, "", false,
		},
		"an access token, then null": {
			answer{body: `{"access_token":"canary-in-answer","access_token":null}`},
			gloebit.ErrInvalidResponse, "", false,
		},
		"null, then an access token": {
			answer{body: `{"access_token":null,"access_token":"canary-in-answer"}`},
			gloebit.ErrInvalidResponse, "", false,
		},
		"two refresh tokens": {
			answer{body: `{"access_token":"canary-in-answer","refresh_token":"a","refresh_token":"b"}`},
			gloebit.ErrInvalidResponse, "", false,
		},
		"two access tokens in a form": {
			answer{body: `access_token=canary-in-answer&access_token=b`}, gloebit.ErrInvalidResponse, "", false,
		},
		"an array": {
			answer{body: `[{"access_token":"canary-in-answer"}]`}, gloebit.ErrInvalidResponse, "", false,
		},
		"half of an object": {
			answer{body: `{"access_token":"canary-in-answer"`}, gloebit.ErrInvalidResponse, "", false,
		},
		"text after the object": {
			answer{body: `{"access_token":"canary-in-answer"} x`}, gloebit.ErrInvalidResponse, "", false,
		},
		"HTML": {
			answer{kind: "text/html", body: `<p>canary-in-answer</p>`}, gloebit.ErrInvalidResponse, "", false,
		},
		"an empty body": {answer{}, gloebit.ErrInvalidResponse, "", false},
		"another type of token": {
			answer{body: `{"access_token":"canary-in-answer","token_type":"mac"}`},
			gloebit.ErrTokenExchange, "not of the type Bearer", false,
		},
		"an error beside a token": {
			answer{body: `{"access_token":"canary-in-answer","error":"invalid_grant"}`},
			gloebit.ErrNotConnected, "invalid_grant", true,
		},
		"an error, then none": {
			answer{body: `{"access_token":"canary-in-answer","error":"invalid_grant","error":""}`},
			gloebit.ErrNotConnected, "invalid_grant", true,
		},
		"an error in a form": {
			answer{body: `error=invalid_grant&error_description=gone`}, gloebit.ErrNotConnected, `"gone"`, true,
		},
		"an error of the application's": {
			answer{body: `{"error":"invalid_client"}`}, gloebit.ErrTokenExchange, "invalid_client", false},
		"an error that is an object": {
			answer{body: `{"access_token":"canary-in-answer","error":{"code":7}}`},
			gloebit.ErrNotConnected, "unnamed_error", false,
		},
		"an error that is true": {
			answer{body: `{"access_token":"canary-in-answer","error":true}`},
			gloebit.ErrNotConnected, "unnamed_error", false,
		},
		"400 without a body": {answer{status: 400}, gloebit.ErrNotConnected, "status 400", false},
		"400 with HTML": {
			answer{status: 400, kind: "text/html", body: `<p>no</p>`},
			gloebit.ErrNotConnected, "status 400", false,
		},
		"400 with an object": {
			answer{status: 400, body: `{"error":{"message":"canary-in-answer"}}`},
			gloebit.ErrNotConnected, "unnamed_error", false,
		},
		"401 without a body": {answer{status: 401}, gloebit.ErrNotConnected, "status 401", false},
		"401 with HTML": {
			answer{status: 401, kind: "text/html", body: `<p>no</p>`},
			gloebit.ErrNotConnected, "status 401", false,
		},
		"401 with an object": {
			answer{status: 401, body: `{"error":{}}`}, gloebit.ErrNotConnected, "unnamed_error", false,
		},
		"401 with a byte order mark": {
			answer{status: 401, body: "\ufeff" + `{"error":"invalid_grant"}`},
			gloebit.ErrNotConnected, "invalid_grant", true,
		},
		"410 without a body": {answer{status: 410}, gloebit.ErrNotConnected, "status 410", false},
		"403 without a body": {answer{status: 403}, gloebit.ErrTokenExchange, "status 403", false},
		"429 without a body": {answer{status: 429}, gloebit.ErrTokenExchange, "status 429", false},
		"401 against the application": {
			answer{status: 401, body: `{"error":"invalid_client"}`},
			gloebit.ErrTokenExchange, "invalid_client", false,
		},
		"401 with a code of the server's own": { // Auth0's answer to a wrong client secret
			answer{status: 401, body: `{"error":"access_denied","error_description":"Unauthorized"}`},
			gloebit.ErrNotConnected, "access_denied", false,
		},
		"Exact Online's answer to a refresh too early": {
			answer{status: 400, body: `{"error":"access_denied","error_description":"Rate limit exceeded"}`},
			gloebit.ErrNotConnected, "Rate limit exceeded", false,
		},
		"Zoho's answer to too many refreshes": {
			answer{status: 400, body: `{"error":"Access Denied","error_description":"too many requests","status":"failure"}`},
			gloebit.ErrNotConnected, "too many requests", false,
		},
		"Salesforce's request to retry": {
			answer{status: 400, body: `{"error":"unknown_error","error_description":"retry your request"}`},
			gloebit.ErrTokenExchange, "retry your request", false,
		},
		"401 with a description": {
			answer{status: 401, body: `{"error_description":"Unauthorized"}`}, gloebit.ErrNotConnected, "Unauthorized", false,
		},
		"GitHub's error of the application's": {
			answer{body: `{"error":"incorrect_client_credentials"}`},
			gloebit.ErrTokenExchange, "check Config.ClientID, Config.ClientSecret", false,
		},
		"Slack's error of the application's": {
			answer{body: `{"ok":false,"error":"bad_client_secret"}`},
			gloebit.ErrTokenExchange, "check Config.ClientID, Config.ClientSecret", false,
		},
		"GitHub's error of the refresh token's": {
			answer{body: `{"error":"bad_refresh_token"}`}, gloebit.ErrNotConnected, "bad_refresh_token", true,
		},
		"500 with an object": {
			answer{status: 500, body: `{"error":{"message":"canary-in-answer"}}`},
			gloebit.ErrUnavailable, "status 500", false,
		},
		"an answer of more than 1 MiB": {
			answer{body: strings.Repeat(" ", 1<<20) + asJSON("").body}, gloebit.ErrInvalidResponse, "", false,
		},
		"a refusal of more than 1 MiB": {
			answer{status: 400, body: strings.Repeat(" ", 1<<20) + `{"error":"invalid_grant"}`},
			gloebit.ErrNotConnected, "status 400", false,
		},
		"a form without a token": {
			answer{body: "token=canary-in-answer"}, gloebit.ErrInvalidResponse, "", false,
		},
		"a form that can't be decoded": {
			answer{body: "access_token=canary-in-answer&x=%zz"}, gloebit.ErrInvalidResponse, "", false,
		},
		"an access token with a space": {
			answer{body: `{"access_token":"canary in-answer"}`}, gloebit.ErrTokenExchange, "characters", false,
		},
		"an access token that is empty": {answer{body: "access_token="}, gloebit.ErrInvalidResponse, "", false},
	} {
		t.Run("connecting/"+name, func(t *testing.T) {
			t.Parallel()
			status, kept, log := connectByAnswer(t, test.answer)
			require.Equal(t, http.StatusBadGateway, status)
			require.Nil(t, kept)
			require.Contains(t, log, gloebit.ErrTokenExchange.Error())
			require.NotContains(t, log, "canary-in-answer")
		})
		t.Run("refreshing/"+name, func(t *testing.T) {
			t.Parallel()
			kept, err := refreshByAnswer(t, test.answer)
			require.ErrorIs(t, err, gloebit.ErrTokenExchange)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.says)
			connectsAgain := test.want == gloebit.ErrInvalidResponse || test.want == gloebit.ErrNotConnected
			require.Equal(t, connectsAgain, gloebit.StatusCode(err) == http.StatusUnauthorized)
			require.NotContains(t, printed(err), "canary-in-answer")
			require.Equal(t, test.deletes, kept == nil)
			if kept != nil {
				require.Equal(t, canaryRefresh, kept.RefreshToken)
				require.Equal(t, canaryToken, kept.AccessToken)
			}
		})
	}
}

func TestRefreshKeepsTheNewToken(t *testing.T) {
	long := strings.Repeat(" x", 9<<10)
	for name, test := range map[string]struct{ members, scope, refresh string }{
		"a refresh token with a space": {
			`,"refresh_token":"a b"`, "user balance transact", canaryRefresh.Reveal(),
		},
		"a refresh token of 70,000 bytes": {
			`,"refresh_token":"` + strings.Repeat("r", 70_000) + `"`, "user balance transact", canaryRefresh.Reveal(),
		},
		"a scope that repeats a secret": {
			`,"scope":"user balance ` + newToken + `"`, "user balance", canaryRefresh.Reveal(),
		},
		"a scope that repeats the old token": {
			`,"refresh_token":"r","scope":["user","` + canaryToken.Reveal() + `"]`, "user", "r",
		},
		"a scope of more than 16 KiB": {
			`,"scope":"transact` + long + `"`, "transact", canaryRefresh.Reveal(),
		},
		"a scope of nothing but rubbish": {
			`,"scope":"` + long + `"`, "user balance transact", canaryRefresh.Reveal(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept, err := refreshByAnswer(t, asJSON(test.members+`,"app_user_id":7`))
			if strings.Contains(test.scope, "balance") {
				require.NoError(t, err)
			}
			require.Equal(t, newToken, kept.AccessToken.Reveal())
			require.Equal(t, test.refresh, kept.RefreshToken.Reveal())
			require.Equal(t, "7", kept.Subject)
			var scopes []string
			for _, scope := range kept.Scopes {
				scopes = append(scopes, string(scope))
			}
			require.Equal(t, test.scope, strings.Join(scopes, " "))
		})
	}
}

func TestRefusedRefreshLeadsToConnect(t *testing.T) {
	for name, a := range map[string]answer{
		"400 without a body": {status: 400},
		"401 with HTML":      {status: 401, kind: "text/html", body: "<p>no</p>"},
		"401 with an object": {status: 401, body: `{"error":{"message":"no"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			refuses := false
			w := newWorld(t, func(_ *world, c *gloebit.Config) {
				c.HTTPClient = &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
					switch {
					case r.Method != http.MethodPost:
						return http.DefaultTransport.RoundTrip(r)
					case refuses:
						return recorded(a, r), nil
					}
					return recorded(asJSON(`,"refresh_token":"r","expires_in":3600`), r), nil
				})}
			})
			balance := func(rw http.ResponseWriter, r *http.Request) {
				if _, err := gloebit.MustFromContext(r.Context()).Balance(r.Context()); err != nil {
					w.merchant.HandleError(rw, r, err)
				}
			}
			w.mux.Handle("/balance", w.merchant.RequireGloebit(http.HandlerFunc(balance)))
			b := w.browser("")
			b.get("/gloebit/connect")
			require.Equal(t, 1, w.tokens.Len())
			w.clock.Advance(2 * time.Hour)
			refuses = true
			require.Equal(t, "/gloebit/connect", b.location("/balance").Path)
			require.Equal(t, 1, w.tokens.Len(), "the server did not say that the grant is over")
		})
	}
}

func TestWrongClientSecretNamesTheSetting(t *testing.T) {
	shop, log := testkit.NewShop(t, gloebittest.Config{}), &testkit.Log{}
	config := shop.Config()
	config.ClientSecret, config.Logger = "another", log.Logger()
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	shop.Serve(merchant.RequireGloebit(http.NotFoundHandler()))
	page := testkit.Load(t, testkit.NewBrowser(t), testkit.NewRequest(t, http.MethodGet, shop.Server.URL, nil))
	require.Equal(t, http.StatusBadGateway, page.Status)
	require.Contains(t, log.String(), "check Config.ClientID, Config.ClientSecret")
}
