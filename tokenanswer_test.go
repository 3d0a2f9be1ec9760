package gloebit_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// answer is a response of a token endpoint.
type answer struct {
	status int    // 0 means 200
	kind   string // the Content-Type; "" sends none
	body   string
}

func (a answer) write(w http.ResponseWriter) {
	w.Header()["Content-Type"] = nil // net/http would guess one
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.body)
}

// recorded is the answer as a transport returns it.
func recorded(a answer, r *http.Request) *http.Response {
	recorder := httptest.NewRecorder()
	a.write(recorder)
	response := recorder.Result()
	response.Request = r
	return response
}

// tokenAnswerTest is a response and how it is read: by a connection that
// requests user, balance and transact, and by a refresh of a credential with
// those scopes.
type tokenAnswerTest struct {
	answer  answer
	life    time.Duration // of the access token; 0 means that no expiry is known
	scope   string        // what is granted; "" means all
	account string
	refresh gloebit.Secret // "" means that the answer has none
}

const newToken = "the-new-access-token"

// asJSON is a response as RFC 6749 describes it, with more members.
func asJSON(members string) answer {
	body := `{"access_token":"` + newToken + `","token_type":"Bearer"` + members + `}`
	return answer{kind: "application/json", body: body}
}

// connectByAnswer connects ann with an answer of the token endpoint, and returns the
// status of the callback, what is stored, and the log.
func connectByAnswer(t *testing.T, a answer) (status int, kept *connect.Credential, log string) {
	t.Helper()

	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.User = headerUser
		next := http.DefaultTransport
		c.HTTPClient = &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPost {
				return next.RoundTrip(r)
			}
			return recorded(a, r), nil
		})}
	})
	b := w.browser("ann")
	b.follow = false
	status = b.get(b.callback("/gloebit/connect").String()).status
	if credential, err := w.tokens.Load(t.Context(), keyOf(w.merchant, "id of ann")); err == nil {
		if !credential.TokenExpiry.IsZero() { // the world has a clock of its own
			credential.TokenExpiry = time.Now().Add(credential.TokenExpiry.Sub(w.clock.Now()))
		}
		kept = &credential
	}
	return status, kept, w.log.String()
}

// refreshByAnswer refreshes an expired credential, and returns the error of the call
// and what is stored.
func refreshByAnswer(t *testing.T, a answer) (*connect.Credential, error) {
	t.Helper()
	client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth2/access-token" {
			a.write(w)
			return
		}
		answering(http.StatusOK, `{"success":true,"balance":1}`)(w, r)
	}, func(config *gloebit.Config, c *connect.Credential) {
		c.RefreshToken, c.TokenExpiry = canaryRefresh, time.Now().Add(-time.Hour)
		c.Scopes = []gloebit.Scope{"user", "balance", "transact"}
		config.Logger = slog.New(slog.DiscardHandler)
	})
	_, err := client.Balance(t.Context())
	credential, loadErr := tokens.Load(t.Context(), keyOf(merchant, "u"))
	if loadErr != nil {
		return nil, err
	}
	return &credential, err
}

var tokenAnswerForms = map[string]tokenAnswerTest{
	"JSON as text/plain": {
		answer: answer{kind: "text/plain; charset=utf-8", body: asJSON(`,"expires_in":3600`).body}, life: time.Hour,
	},
	"JSON as text/html": {
		answer: answer{kind: "text/html", body: asJSON(`,"expires_in":3600`).body}, life: time.Hour,
	},
	"JSON as a form": {
		answer: answer{kind: "application/x-www-form-urlencoded", body: asJSON("").body},
	},
	"JSON as malformed type":      {answer: answer{kind: ";;", body: asJSON("").body}},
	"JSON without a type":         {answer: answer{body: asJSON(`,"scope":"user"`).body}, scope: "user"},
	"JSON with a byte order mark": {answer: answer{body: "\ufeff" + asJSON("").body}},
	"JSON within white space":     {answer: answer{body: "\r\n \ufeff\n" + asJSON("").body + "\r\n\t "}},
	"JSON with white space inside": {
		answer: answer{body: "{ \"access_token\" :\t\"" + newToken + "\" ,\n\"expires_in\" : 3600\n}"}, life: time.Hour,
	},
	"names with escapes": {
		answer: answer{body: `{"access\u005ftoken":"` + newToken + `","\"\\":[{"a":"]}\""}],"scope":"user"}`},
		scope:  "user",
	},
	"a form": {
		answer: answer{kind: "application/x-www-form-urlencoded", body: "access_token=" + newToken +
			"&expires_in=3600&refresh_token=r&app_user_id=1000000&scope=user+balance"},
		life: time.Hour, scope: "user balance", account: "1000000", refresh: "r",
	},
	"a form as text/plain": {
		answer: answer{kind: "text/plain", body: "access_token=" + newToken + "&expires=3600"}, life: time.Hour,
	},
	"a form as JSON": {
		answer: answer{kind: "application/json", body: "access_token=" + newToken + "&scope=user,balance\n"},
		scope:  "user balance",
	},
	"a form with both expiries": {
		answer: answer{body: "access_token=" + newToken + "&expires=60&expires_in=3600"}, life: time.Hour,
	},
	"another status of success": {answer: answer{status: 201, body: asJSON("").body}},
	"a member in another case":  {answer: asJSON(`,"Access_Token":"other","SCOPE":"none"`)},
	"the access token twice":    {answer: asJSON(`,"access_token":"the\u002dnew-access-token"`)},
	"the refresh token twice":   {answer: asJSON(`,"refresh_token":"r","refresh_token":"r"`), refresh: "r"},
	"no type of token":          {answer: answer{body: `{"access_token":"` + newToken + `"}`}},
	"null as type of token": {
		answer: answer{body: `{"access_token":"` + newToken + `","token_type":null}`},
	},
	"a type of token in upper case": {
		answer: answer{body: `{"access_token":"` + newToken + `","token_type":"BEARER"}`},
	},
	"Apigee's type of token": {
		answer: answer{body: `{"access_token":"` + newToken + `","token_type":"BearerToken","expires_in":"3600"}`},
		life:   time.Hour,
	},
	"Slack's type of token": {
		answer: answer{body: `{"ok":true,"access_token":"` + newToken + `","token_type":"bot","scope":"user,balance",` +
			`"authed_user":{"id":"U1"},"enterprise":null}`},
		scope: "user balance",
	},
	"eBay's type of token": {
		answer: answer{body: `{"access_token":"` + newToken + `","token_type":"User Access Token","expires_in":7200,` +
			`"refresh_token_expires_in":47304000}`},
		life: 2 * time.Hour,
	},
	"an error that is null":  {answer: asJSON(`,"error":null`)},
	"an error that is false": {answer: asJSON(`,"error":false`)},
	"an error that is empty": {answer: asJSON(`,"error":"","error_description":7`)},

	"seconds":                    {answer: asJSON(`,"expires_in":3600`), life: time.Hour},
	"seconds in a string":        {answer: asJSON(`,"expires_in":" 3600 "`), life: time.Hour},
	"seconds with a fraction":    {answer: asJSON(`,"expires_in":3600.0`), life: time.Hour},
	"seconds with an exponent":   {answer: asJSON(`,"expires_in":3.6e3`), life: time.Hour},
	"seconds with half":          {answer: asJSON(`,"expires_in":"3600.5"`), life: time.Hour},
	"seconds in an empty string": {answer: asJSON(`,"expires_in":""`)},
	"seconds that are null":      {answer: asJSON(`,"expires_in":null`)},
	"seconds that are false":     {answer: asJSON(`,"expires_in":false`)},
	"seconds in an object":       {answer: asJSON(`,"expires_in":{"seconds":3600}`)},
	"no seconds":                 {answer: asJSON(`,"expires_in":0`)},
	"seconds below zero":         {answer: asJSON(`,"expires_in":-3600`)},
	"seconds beyond int64": {
		answer: asJSON(`,"expires_in":99999999999999999999`), life: 1<<31*time.Second - time.Second,
	},
	"seconds beyond a float": {
		answer: asJSON(`,"expires_in":1e999`), life: 1<<31*time.Second - time.Second,
	},
	"a date":                     {answer: asJSON(`,"expires_in":"2030-01-01T00:00:00Z"`)},
	"infinite seconds":           {answer: asJSON(`,"expires_in":"Infinity"`)},
	"seconds that are no number": {answer: asJSON(`,"expires_in":"NaN"`)},
	"hexadecimal seconds":        {answer: asJSON(`,"expires_in":"0x10"`)},
	"scope in one string":        {answer: asJSON(`,"scope":"user balance"`), scope: "user balance"},
	"scope with many spaces":     {answer: asJSON(`,"scope":"  user   balance\t"`), scope: "user balance"},
	"scope with commas":          {answer: asJSON(`,"scope":"user, balance"`), scope: "user balance"},
	"scope in an array":          {answer: asJSON(`,"scope":["user","balance"]`), scope: "user balance"},
	"scope in a mixed array": {
		answer: asJSON(`,"scope":[7,"user",null,["transact"],{"a":"b"}]`), scope: "user",
	},
	"scope in an empty array":      {answer: asJSON(`,"scope":[]`)},
	"scope that is an object":      {answer: asJSON(`,"scope":{"user":true}`)},
	"scope that is null":           {answer: asJSON(`,"scope":null`)},
	"scope that is empty":          {answer: asJSON(`,"scope":" , "`)},
	"an account in a string":       {answer: asJSON(`,"app_user_id":"g-1"`), account: "g-1"},
	"an account with seven digits": {answer: asJSON(`,"app_user_id":1000000`), account: "1000000"},
	"an account beyond a float": {
		answer: asJSON(`,"app_user_id":12345678901234567890`), account: "12345678901234567890",
	},
	"an account below zero":         {answer: asJSON(`,"app_user_id":-7`), account: "-7"},
	"an account that is an object":  {answer: asJSON(`,"app_user_id":{"id":1}`)},
	"a refresh token that is null":  {answer: asJSON(`,"refresh_token":null`)},
	"a refresh token that is false": {answer: asJSON(`,"refresh_token":false`)},
}

func TestTokenAnswer(t *testing.T) {
	for name, test := range tokenAnswerForms {
		check := func(t *testing.T, got *connect.Credential, noRefresh gloebit.Secret) {
			t.Helper()
			require.NotNil(t, got)
			require.Equal(t, newToken, got.AccessToken.Reveal())
			require.Equal(t, orElse(test.refresh, noRefresh), got.RefreshToken)
			require.Equal(t, test.account, got.Subject)
			var scopes []string
			for _, scope := range got.Scopes {
				scopes = append(scopes, string(scope))
			}
			require.Equal(t, orElse(test.scope, "user balance transact"), strings.Join(scopes, " "))
			if test.life == 0 {
				require.Zero(t, got.TokenExpiry)
			} else {
				require.WithinDuration(t, time.Now().Add(test.life), got.TokenExpiry, time.Minute)
			}
		}
		t.Run("connecting/"+name, func(t *testing.T) {
			t.Parallel()
			status, got, log := connectByAnswer(t, test.answer)
			require.Equal(t, http.StatusSeeOther, status, log)
			check(t, got, "")
			if test.scope == "" {
				require.NotContains(t, log, "missing=transact")
			} else {
				require.Contains(t, log, "transact", "the log says that it is missing")
			}
		})
		t.Run("refreshing/"+name, func(t *testing.T) {
			t.Parallel()
			got, err := refreshByAnswer(t, test.answer)
			require.NoError(t, err)
			check(t, got, canaryRefresh)
		})
	}
}

func orElse[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
