package gloebit_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// FuzzTokenAnswers returns arbitrary responses from the token endpoint. The
// callback must not panic, must not store a token that a header can't carry,
// and must read the token that encoding/json reads.
func FuzzTokenAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"t","token_type":"Bearer","expires_in":"3600",` +
			`"refresh_token":"r","scope":"user balance","app_user_id":"g"}`,
		`{"access_token":"t"}`, `{"error":"invalid_grant","reason":"x"}`, `{"access_token":"a b"}`, `<html>`,
		`access_token=t&scope=user`, `{"access_token":"t","expires_in":-1}`, `{"access_token":"t","token_type":"mac"}`,
		"\ufeff" + ` {"access_token":"t","expires_in":3600.0} `, `{"access_token":"t","expires_in":3.6e3}`,
		`{"access_token":"t","expires_in":1e999}`, `{"access_token":"t","expires_in":"3600.5"}`,
		`{"access_token":"t","expires_in":""}`, `{"access_token":"t","expires_in":false}`,
		`{"access_token":"t","expires_in":99999999999999999999}`, `{"access_token":"t","scope":["user",7,"balance"]}`,
		`{"access_token":"t","scope":"user,balance"}`, `{"access_token":"t","app_user_id":1000000}`,
		`access_token=t&expires=3600&app_user_id=7`, `access_token=t&access_token=u`, `error=invalid_grant`,
		`{"access_token":"t","access_token":"u"}`, `{"access_token":"t","Access_Token":"u"}`,
		`{"access_token":["t"]}`, `{"access_token":null}`, `{"access\u005ftoken":"\u0074","x":[{"a":"]}\""}]}`,
		`{"access_token":"t","error":{"code":7}}`, `{"access_token":"t","error":false}`, `{"access_token":"t","error":""}`,
	} {
		f.Add([]byte(seed))
	}
	var answer []byte
	config := validConfig()
	config.HTTPClient = &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		_, _ = recorder.Write(answer)
		return recorder.Result(), nil
	})}
	tokens := &gloebit.MemoryTokenStore{}
	config.Tokens, config.User = tokens, headerUser
	merchant, err := gloebit.New(config)
	require.NoError(f, err)
	ann := &visitor{handler: merchant.Handler(), user: "ann"}
	f.Fuzz(func(t *testing.T, data []byte) {
		answer = data
		require.NoError(t, tokens.Delete(t.Context(), keyOf(merchant, "id of ann")))
		status := ann.visit("/gloebit/callback?code=c&state=" + ann.connect()).Code
		credential, err := tokens.Load(t.Context(), keyOf(merchant, "id of ann"))
		if (status == http.StatusSeeOther) != (err == nil) {
			t.Fatalf("status %d, and the store says %v, from %q", status, err, data)
		}
		if err == nil && (credential.AccessToken == "" || len(credential.Scopes) == 0) {
			t.Fatalf("%+v from %q", credential, data)
		}
		var object map[string]any
		if err == nil && json.Unmarshal(data, &object) == nil && object["access_token"] != credential.AccessToken.Reveal() {
			t.Fatalf("the token is not that of %q", data)
		}
	})
}

// FuzzCallbackQuery sends arbitrary queries to the callback. Only a valid state
// with one code completes, and no state is accepted twice.
func FuzzCallbackQuery(f *testing.F) {
	for _, seed := range []string{
		"", "state=x&code=y", "state=&code=", "state=a&state=b", "error=access_denied&state=x", "%zz", "state=%00&code=%00",
		"iss=x",
	} {
		f.Add(seed)
	}
	merchant, err := gloebit.New(validConfig())
	require.NoError(f, err)
	recorder := httptest.NewRecorder()
	merchant.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil))
	cookie := recorder.Result().Cookies()[0]
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/gloebit/callback", nil)
		r.URL.RawQuery = query
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		merchant.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Fatalf("status %d for %q", w.Code, query)
		}
	})
}

// FuzzReturnTo looks for a return_to that leaves the site. An accepted value
// must resolve, as browsers resolve it, to the site itself.
func FuzzReturnTo(f *testing.F) {
	for _, seed := range []string{
		"/", "/a?b", "//evil.example", "/\\evil.example", "/%2fevil.example", "/..//evil.example", "https://evil.example",
		"/\t/evil.example", "/%5cevil.example",
	} {
		f.Add(seed)
	}
	merchant, err := gloebit.New(validConfig())
	require.NoError(f, err)
	site, err := url.Parse("https://shop.example/gloebit/callback")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, returnTo string) {
		recorder := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/gloebit/disconnect", nil)
		r.PostForm = url.Values{"return_to": {returnTo}}
		r.Form = r.PostForm
		merchant.Handler().ServeHTTP(recorder, r)
		if recorder.Code != http.StatusSeeOther {
			return
		}
		to, err := site.Parse(recorder.Header().Get("Location"))
		if err != nil || to.Host != site.Host || to.Scheme != site.Scheme {
			t.Fatalf("%q leads to %v (%v)", returnTo, to, err)
		}
	})
}

// FuzzReplies gives every call an arbitrary response. It must not panic, and a
// success must not contain a zero that was not sent.
func FuzzReplies(f *testing.F) {
	for _, row := range rows() {
		for answer := range row.answers {
			f.Add([]byte(answer))
		}
		for _, rubbish := range row.rubbish {
			f.Add([]byte(rubbish))
		}
	}
	var answer []byte
	server := &cannedTransport{answer: &answer}
	config := validConfig()
	config.HTTPClient = &http.Client{Transport: server}
	config.Tokens = &gloebit.MemoryTokenStore{}
	merchant, err := gloebit.New(config)
	require.NoError(f, err)
	merchant.RetryWithin(time.Nanosecond)
	f.Fuzz(func(t *testing.T, data []byte) {
		answer = data
		for _, row := range rows() {
			require.NoError(
				t, config.Tokens.Update(t.Context(), keyOf(merchant, "u"), save(connect.Credential{AccessToken: "t"})),
			)
			client, err := merchant.Client(t.Context(), "u")
			require.NoError(t, err)
			result, err := row.call(t.Context(), client, merchant)
			if err != nil || result == nil {
				continue
			}
			var known struct {
				Success bool
				Reason  any
			}
			reason := func() string { text, _ := known.Reason.(string); return strings.TrimSpace(text) }
			if json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &known) != nil ||
				!known.Success && !strings.EqualFold(reason(), "transaction already created") {
				t.Fatalf("%s read a success from %q", row.name, data)
			}
			if isSilentZero(result, data) {
				t.Fatalf("%s read %#v from %q", row.name, result, data)
			}
		}
	})
}

// isSilentZero reports whether a result is a zero that the response does not
// contain.
func isSilentZero(result any, data []byte) bool {
	switch r := result.(type) {
	case gloebit.Identity:
		return r.ID == ""
	case gloebit.Character:
		return r.ID == ""
	case gloebit.CreatedSubscription:
		return r.ID == ""
	case gloebit.SubscriptionAuthorization:
		return r.ID == ""
	case gloebit.Receipt:
		return r.TransactionID == "" || r.Outcome == gloebit.OutcomeUnknown
	case string:
		return r == ""
	case gloebit.Object:
		return r == nil
	case map[string]int64:
		return r == nil
	case int64:
		return !bytes.Contains(bytes.ToLower(data), []byte("count")) && !bytes.ContainsRune(data, '\\')
	case gloebit.Amount:
		return !bytes.Contains(bytes.ToLower(data), []byte("balance")) && !bytes.ContainsRune(data, '\\')
	}
	return false
}

// cannedTransport answers every request with the same body.
type cannedTransport struct{ answer *[]byte }

func (c *cannedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	_, _ = recorder.Write(*c.answer)
	return recorder.Result(), nil
}

func FuzzAmount(f *testing.F) {
	for _, seed := range []string{"0", "-1.5", "1e3", "99999999999999999999.123", "null", `"1"`, "1e99"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		amount, err := gloebit.ParseAmount(text)
		if err != nil {
			return
		}
		if amount.String() != text || amount.Cmp(amount) != 0 {
			t.Fatalf("%q became %q", text, amount)
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is no JSON number", text)
		}
		amount.Int64()
	})
}

func FuzzClientSecretsFile(f *testing.F) {
	f.Add([]byte(
		`{"web":{"client_id":"k","client_secret":"canary","redirect_uris":["https://a.example/cb"],` +
			`"auth_uri":"https://x.example/oauth2/authorize","token_uri":"https://x.example/oauth2/access-token"}}`,
	))
	f.Fuzz(func(t *testing.T, content []byte) {
		name := t.TempDir() + "/f"
		require.NoError(t, os.WriteFile(name, content, 0o600))
		config, err := gloebit.ConfigFromFile(name)
		if err == nil && (config.ClientID == "" || config.ClientSecret == "" || config.RedirectURL == "") {
			t.Fatalf("an empty %+v from %q", config, content)
		}
	})
}
