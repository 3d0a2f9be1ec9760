package ultracart_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/servers/ultracart"
	"github.com/go-gloebit/gloebit/servers/ultracart/ultracarttest"
	"github.com/stretchr/testify/require"
)

// TestServerIsUltraCarts checks the addresses, and that an application has no
// secret.
func TestServerIsUltraCarts(t *testing.T) {
	server, embedded := ultracart.Server(ultracart.Production), ultracart.EmbedServer(ultracart.Production)
	for got, want := range map[string]string{
		server.Endpoint.AuthURL:         "https://secure.ultracart.com/rest/v2/oauth/authorize",
		server.Endpoint.TokenURL:        "https://secure.ultracart.com/rest/v2/oauth/token",
		server.RevokeURL:                "https://secure.ultracart.com/rest/v2/oauth/revoke",
		server.Endpoint.DeviceAuthURL:   "https://secure.ultracart.com/rest/v2/oauth/device/authorize",
		embedded.Endpoint.DeviceAuthURL: "https://secure.ultracart.com/rest/v2/conversation_embed/oauth/device/authorize",
		embedded.Endpoint.TokenURL:      "https://secure.ultracart.com/rest/v2/conversation_embed/oauth/token",
		embedded.RevokeURL:              "https://secure.ultracart.com/rest/v2/conversation_embed/oauth/revoke",
	} {
		require.Equal(t, want, got)
	}
	require.True(t, server.PublicClient)
	require.Len(t, ultracart.Scopes(), 40)
	require.Contains(t, ultracart.Scopes(), connect.Scope("gift_certificate_write"))
	_, err := connect.New(connect.Config{
		Server: server, ClientID: "app", ClientSecret: "secret", RedirectURL: "https://app.example/oauth/callback",
	})
	require.ErrorContains(t, err, "ClientSecret")
}

// TestAuthorize checks the responses to authorization requests.
func TestAuthorize(t *testing.T) {
	w := newWorld(t, ultracarttest.Config{})
	good := func(pairs ...string) url.Values {
		query := url.Values{
			"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {w.app.Callback()}, "state": {"denmark"},
		}
		for i := 0; i < len(pairs); i += 2 {
			if query.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
				query.Del(pairs[i])
			}
		}
		return query
	}
	for name, test := range map[string]struct {
		query  url.Values
		status int
		want   string // of the callback's query, less the code
	}{
		"all given":            {good(), 302, "state=denmark"},
		"redirect URI absent":  {good("redirect_uri", ""), 302, "state=denmark"},
		"redirect URI unknown": {good("redirect_uri", "https://elsewhere.example/"), 400, ""},
		"state absent": {
			good("state", ""), 302, "error=invalid_request&error_description=response_type+or+state+is+missing",
		},
		"client unknown": {good("client_id", "other"), 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			page := w.authorize(t, test.query)
			require.Equal(t, test.status, page.Status)
			to, err := url.Parse(page.Header.Get("Location"))
			require.NoError(t, err)
			answer := to.Query()
			answer.Del("code")
			require.Equal(t, test.want, answer.Encode())
		})
	}
	t.Run("denied", func(t *testing.T) {
		w.Decline("merchant")
		defer w.Approve("merchant")
		to, err := url.Parse(w.authorize(t, good()).Header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, "access_denied", to.Query().Get("error"))
		require.Equal(t, "denmark", to.Query().Get("state"))
	})
	t.Run("page", func(t *testing.T) {
		w.Ask("merchant")
		defer w.Approve("merchant")
		require.Contains(t, w.authorize(t, good()).Body, `value="allow"`)
		client := &http.Client{Transport: w.transport(), CheckRedirect: testkit.Stay}
		form := url.Values{"client_id": {"app"}, "redirect_uri": {w.app.Callback()}, "state": {"s"}, "answer": {"deny"}}
		page := testkit.Load(t, client, testkit.NewRequest(t, http.MethodPost, w.url+"/oauth/authorize", form))
		require.Contains(t, page.Header.Get("Location"), "error=access_denied")
	})
	t.Run("sent by an application", func(t *testing.T) {
		w.app.Browser.CheckRedirect = testkit.Stay
		location := testkit.Load(
			t, w.app.Browser, testkit.NewRequest(t, http.MethodGet, w.app.URL+"/oauth/connect", nil),
		).Header.Get("Location")
		to, err := url.Parse(location)
		require.NoError(t, err)
		query := to.Query()
		require.NotEmpty(t, query.Get("state"))
		require.Equal(t, good("state", query.Get("state")), query, "without scope and challenge")
	})
}

// TestOAuthRequests checks what is sent to each endpoint.
func TestOAuthRequests(t *testing.T) {
	for name, test := range map[string]struct {
		path string
		send func(*testing.T, ultracart.OAuth) error
		want url.Values
	}{
		"code": {tokenPath, func(t *testing.T, o ultracart.OAuth) error {
			_, err := o.AccessToken(t.Context(), ultracart.TokenRequest{
				GrantType: ultracart.AuthorizationCode, Code: "c", RedirectURI: "https://a.example/",
			})
			return err
		}, url.Values{
			"client_id": {"app"}, "grant_type": {"authorization_code"}, "code": {"c"}, "redirect_uri": {"https://a.example/"},
		}},
		"refresh token": {tokenPath, func(t *testing.T, o ultracart.OAuth) error {
			_, err := o.AccessToken(t.Context(), ultracart.TokenRequest{GrantType: ultracart.RefreshToken, RefreshToken: "r"})
			return err
		}, url.Values{"client_id": {"app"}, "grant_type": {"refresh_token"}, "refresh_token": {"r"}}},
		"device code": {tokenPath, func(t *testing.T, o ultracart.OAuth) error {
			_, err := o.AccessToken(t.Context(), ultracart.TokenRequest{GrantType: ultracart.DeviceCode, DeviceCode: "d"})
			return err
		}, url.Values{
			"client_id": {"app"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {"d"},
		}},
		"revoke": {revokePath, func(t *testing.T, o ultracart.OAuth) error {
			_, err := o.Revoke(t.Context(), "access-token")
			return err
		}, url.Values{"client_id": {"app"}, "token": {"access-token"}}},
		"device": {devicePath, func(t *testing.T, o ultracart.OAuth) error {
			_, err := o.AuthorizeDevice(t.Context(), "crm")
			return err
		}, url.Values{"client_id": {"app"}, "scope": {"crm"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ultracarttest.Config{})
			_ = test.send(t, w.oauth()) // the answer is another test's
			requests := w.Requests(test.path)
			require.Len(t, requests, 1)
			require.Equal(t, "POST", requests[0].Method)
			require.Equal(t, test.want, requests[0].Form)
			require.Empty(t, requests[0].Query)
			require.Equal(t, "application/x-www-form-urlencoded", requests[0].Header.Get("Content-Type"))
			require.Equal(t, "application/json", requests[0].Header.Get("Accept"))
			require.Equal(t, "2017-03-01", requests[0].Header.Get("X-UltraCart-Api-Version"))
			require.Empty(t, requests[0].Header.Get("Authorization"))
		})
	}
	t.Run("device without a scope", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		_, err := w.oauth().AuthorizeDevice(t.Context(), "")
		require.ErrorIs(t, err, connect.ErrInvalidRequest)
		require.Empty(t, w.Requests(""))
	})
}

// TestModels checks that every field of a model is read.
func TestModels(t *testing.T) {
	w := newWorld(t, ultracarttest.Config{})
	ask := func() (ultracart.TokenResponse, error) {
		return w.oauth().AccessToken(t.Context(), ultracart.TokenRequest{
			GrantType: ultracart.RefreshToken, RefreshToken: "r",
		})
	}
	for name, test := range map[string]struct {
		body string
		want ultracart.TokenResponse
	}{
		"token": {`{"access_token":"a","refresh_token":"r","scope":"order_read","expires_in":"3600","token_type":"bearer"}`,
			ultracart.TokenResponse{
				AccessToken: "a", RefreshToken: "r", Scope: "order_read", ExpiresIn: 3600, TokenType: "bearer",
			}},
		"expiry as number": {
			`{"access_token":"a","expires_in":3600}`, ultracart.TokenResponse{AccessToken: "a", ExpiresIn: 3600},
		},
		"expiry empty": {`{"access_token":"a","expires_in":""}`, ultracart.TokenResponse{AccessToken: "a"}},
		"nulls": {
			`{"access_token":"a","refresh_token":null,"expires_in":null,"error":null}`,
			ultracart.TokenResponse{AccessToken: "a"},
		},
		"no refresh token": {`{"access_token":"a"}`, ultracart.TokenResponse{AccessToken: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			w.Inject(tokenPath, 1, oauthtest.JSON(200, test.body))
			response, err := ask()
			require.NoError(t, err)
			require.Equal(t, test.want, response)
		})
	}
	t.Run("error inside a 200", func(t *testing.T) {
		w.Inject(
			tokenPath, 1,
			oauthtest.JSON(200, `{"error":"invalid_grant","error_description":"used","error_uri":"https://u.example/"}`),
		)
		response, err := ask()
		require.Equal(
			t, ultracart.TokenResponse{Error: "invalid_grant", ErrorDescription: "used", ErrorURI: "https://u.example/"},
			response,
		)
		var refused *ultracart.APIError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, ultracart.APIError{Status: 200, Code: "invalid_grant", Text: "used"}, *refused)
		require.ErrorIs(t, err, connect.ErrTokenExchange)
	})
	t.Run("revoke", func(t *testing.T) {
		w.Inject(revokePath, 1, oauthtest.JSON(200, `{"message":"done","successful":true}`))
		response, err := w.oauth().Revoke(t.Context(), "access-token")
		require.NoError(t, err)
		require.Equal(t, ultracart.RevokeResponse{Message: "done", Successful: true}, response)
	})
	t.Run("revoke that is not successful", func(t *testing.T) {
		w.Inject(revokePath, 1, oauthtest.JSON(200, `{"message":"no access-token","successful":false}`))
		response, err := w.oauth().Revoke(t.Context(), "access-token")
		require.Equal(t, "no access-token", response.Message)
		require.EqualError(t, err, "ultracart: status 200: no [redacted]")
	})
	t.Run("device", func(t *testing.T) {
		w.Inject(devicePath, 1, oauthtest.JSON(200, `{"device_code":"d","user_code":"U",
			"verification_uri":"https://v.example/","verification_uri_complete":"https://v.example/?c=U",
			"expires_in":600,"interval":5}`))
		device, err := w.oauth().AuthorizeDevice(t.Context(), "crm")
		require.NoError(t, err)
		require.Equal(t, ultracart.DeviceAuthorization{DeviceCode: "d", UserCode: "U", VerificationURI: "https://v.example/",
			VerificationURIComplete: "https://v.example/?c=U", ExpiresIn: 600, Interval: 5}, device)
	})
	t.Run("error response", func(t *testing.T) {
		var response ultracart.ErrorResponse
		require.NoError(t, json.Unmarshal([]byte(`{"error":{"developer_message":"d","error_code":"c","more_info":"m",
			"object_id":"o","user_message":"u"},"metadata":{"a":1},"success":false,"warning":{"b":2}}`), &response))
		require.Equal(
			t, ultracart.Error{DeveloperMessage: "d", ErrorCode: "c", MoreInfo: "m", ObjectID: "o", UserMessage: "u"},
			*response.Error,
		)
		require.Contains(t, response.Metadata, "a")
		require.Contains(t, response.Warning, "b")
	})
}

// TestSeconds checks which values are not a number of seconds.
func TestSeconds(t *testing.T) {
	for _, text := range []string{`"soon"`, `1.5`, `true`, `{}`, `99999999999`} {
		var seconds ultracart.Seconds
		require.Error(t, json.Unmarshal([]byte(text), &seconds), text)
	}
}

// TestTokenEndpoint checks the test server's responses to token requests.
func TestTokenEndpoint(t *testing.T) {
	t.Run("refresh without rotation", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		old := w.tokens(t)
		fresh, err := w.oauth().AccessToken(t.Context(), ultracart.TokenRequest{
			GrantType: ultracart.RefreshToken, RefreshToken: old.RefreshToken,
		})
		require.NoError(t, err)
		require.Empty(t, fresh.RefreshToken)
		require.NotEqual(t, old.AccessToken, fresh.AccessToken)
	})
	t.Run("refresh with rotation", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{Rotate: true, NumberExpiry: true})
		old := w.tokens(t)
		require.EqualValues(t, 3600, old.ExpiresIn)
		fresh, err := w.oauth().AccessToken(t.Context(), ultracart.TokenRequest{
			GrantType: ultracart.RefreshToken, RefreshToken: old.RefreshToken,
		})
		require.NoError(t, err)
		require.NotEmpty(t, fresh.RefreshToken)
		_, err = w.oauth().AccessToken(t.Context(), ultracart.TokenRequest{
			GrantType: ultracart.RefreshToken, RefreshToken: old.RefreshToken,
		})
		require.ErrorContains(t, err, "invalid_grant")
	})
	for name, in200 := range map[string]bool{"errors in 200": true, "errors in 400": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ultracarttest.Config{ErrorsIn200: in200})
			for request, code := range map[ultracart.TokenRequest]string{
				{GrantType: "password"}:                                       "unsupported_grant_type",
				{GrantType: ultracart.AuthorizationCode, Code: "used"}:        "invalid_grant",
				{GrantType: ultracart.RefreshToken, RefreshToken: "replaced"}: "invalid_grant",
				{GrantType: ultracart.DeviceCode, DeviceCode: "unknown"}:      "invalid_grant",
			} {
				_, err := w.oauth().AccessToken(t.Context(), request)
				var refused *ultracart.APIError
				require.ErrorAs(t, err, &refused)
				require.Equal(t, code, refused.Code)
				require.NotEmpty(t, refused.Text)
				require.Equal(t, map[bool]int{true: 200, false: 400}[in200], refused.Status)
			}
			other := w.oauth()
			other.ClientID = "other"
			_, err := other.Revoke(t.Context(), "access-token")
			require.ErrorContains(t, err, "invalid_client")
		})
	}
}

// TestDevice checks the device authorization grant: the interval, slow_down,
// the user's answer and the expiry of the code.
func TestDevice(t *testing.T) {
	for name, test := range map[string]struct {
		answer string // allow, deny or empty
		after  time.Duration
		faults []string // codes that come before
		waited time.Duration
		is     error
	}{
		"allowed at once":      {"allow", 0, nil, 5 * time.Second, nil},
		"allowed later":        {"allow", 12 * time.Second, nil, 15 * time.Second, nil},
		"slow down":            {"allow", 0, []string{"slow_down"}, 15 * time.Second, nil},
		"unavailable":          {"allow", 0, []string{"503"}, 15 * time.Second, nil},
		"response lost":        {"allow", 7 * time.Second, []string{"drop"}, 15 * time.Second, nil},
		"denied":               {"deny", 7 * time.Second, nil, 10 * time.Second, connect.ErrAccessDenied},
		"expired":              {"", 0, nil, 10 * time.Minute, connect.ErrTokenExchange},
		"expired here":         {"", 0, []string{"cut"}, 10 * time.Second, connect.ErrTokenExchange},
		"expired at the other": {"", 0, []string{"expired_token"}, 5 * time.Second, connect.ErrTokenExchange},
	} {
		for _, in200 := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := ultracarttest.New(ultracarttest.Config{ErrorsIn200: in200})
					s.AddApplication(ultracarttest.Application{ClientID: "app"})
					o := ultracart.OAuth{Server: ultracart.Server("https://u.example/rest/v2"), ClientID: "app",
						HTTPClient: &http.Client{Transport: oauthtest.Transport{Handler: s}}}
					device, err := o.AuthorizeDevice(t.Context(), "crm")
					require.NoError(t, err)
					for _, code := range test.faults {
						if code == "cut" { // the device code ends earlier than the server knows
							device.ExpiresIn = 12
							continue
						}
						fault := oauthtest.JSON(400, `{"error":"`+code+`"}`)
						switch code {
						case "503":
							fault = oauthtest.Empty(503)
						case "drop":
							fault = oauthtest.Drop()
						}
						s.Inject(tokenPath, 1, fault)
					}
					if test.answer != "" {
						time.AfterFunc(test.after, func() { s.AnswerDevice(device.UserCode, "merchant", test.answer == "allow") })
					}
					began := time.Now()
					response, err := o.DeviceToken(t.Context(), device)
					require.Equal(t, test.waited, time.Since(began))
					if test.is != nil {
						require.ErrorIs(t, err, test.is)
						return
					}
					require.NoError(t, err)
					require.Equal(t, "crm", response.Scope)
					require.NotEmpty(t, response.RefreshToken)
				})
			})
		}
	}
	t.Run("canceled", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		require.False(t, w.AnswerDevice("none", "merchant", true))
		ctx, cancel := contextThatEnds(t)
		cancel()
		_, err := w.oauth().DeviceToken(ctx, ultracart.DeviceAuthorization{DeviceCode: "d"})
		require.ErrorIs(t, err, ctx.Err())
	})
	t.Run("embedded", func(t *testing.T) {
		w := newWorld(t, ultracarttest.Config{})
		o := w.oauth()
		_, err := o.AuthorizeDevice(t.Context(), "crm_embed")
		require.ErrorContains(t, err, "invalid_scope")
		o.Server = ultracart.EmbedServer(w.url)
		_, err = o.AuthorizeDevice(t.Context(), "crm")
		require.ErrorContains(t, err, "invalid_scope")
		device, err := o.AuthorizeDevice(t.Context(), "crm_embed")
		require.NoError(t, err)
		require.True(t, w.AnswerDevice(device.UserCode, "merchant", true))
		w.clock.Advance(5 * time.Second)
		response, err := o.AccessToken(t.Context(), ultracart.TokenRequest{
			GrantType: ultracart.DeviceCode, DeviceCode: device.DeviceCode,
		})
		require.NoError(t, err)
		require.EqualValues(t, 3600, response.ExpiresIn, "60 minutes")
		_, err = o.AccessToken(t.Context(), ultracart.TokenRequest{GrantType: ultracart.AuthorizationCode, Code: w.code(t)})
		require.ErrorContains(t, err, "unsupported_grant_type")
		_, err = o.Revoke(t.Context(), response.RefreshToken)
		require.NoError(t, err, "a refresh token is taken here")
		require.Len(t, w.Requests(embed+"/oauth/revoke"), 1)
	})
}

// TestBadOAuthAnswers checks that each unusable response is an APIError with
// the status and the server's text.
func TestBadOAuthAnswers(t *testing.T) {
	const model = `{"error":{"error_code":"bad","user_message":"Bad access-token."},"success":false}`
	cut := func(http.Handler) http.Handler {
		return oauthtest.CutOff(5)(oauthtest.JSON(200, `{"access_token":"a","successful":true}`)(nil))
	}
	for name, test := range map[string]struct {
		fault oauthtest.Fault
		want  string
		is    error
	}{
		"page":  {oauthtest.Page(200, "Welcome"), "ultracart: status 200: Welcome", connect.ErrInvalidResponse},
		"empty": {oauthtest.Empty(200), "ultracart: status 200: the body is empty", connect.ErrInvalidResponse},
		"list": {
			oauthtest.JSON(200, `[{}]`), "ultracart: status 200: the body is not a JSON object", connect.ErrInvalidResponse,
		},
		"cut off": {
			cut, "ultracart: status 200: the body ends too early: unexpected EOF", connect.ErrInvalidResponse,
		},
		"moved": {
			oauthtest.Moved("https://elsewhere.example/"), "ultracart: status 301", connect.ErrInvalidResponse,
		},
		"400": {
			oauthtest.JSON(400, model, "UC-REST-ERROR", "Bad input."), "ultracart: status 400: bad: Bad input.",
			connect.ErrInvalidResponse,
		},
		"400 no text": {
			oauthtest.JSON(400, model), "ultracart: status 400: bad: Bad [redacted].", connect.ErrInvalidResponse,
		},
		"500 page": {
			oauthtest.Page(500, "Server error"), "ultracart: status 500: Server error", connect.ErrUnavailable,
		},
		"500 header": {
			oauthtest.Answer(500, "", "UC-REST-ERROR", "It failed."), "ultracart: status 500: It failed.",
			connect.ErrUnavailable,
		},
		"401": {
			oauthtest.Unauthorized("", model), "ultracart: status 401: bad: Bad [redacted].", connect.ErrTokenRefused,
		},
		"410": {
			oauthtest.Answer(410, "", "UC-REST-ERROR", "Disabled."), "ultracart: status 410: Disabled.",
			connect.ErrNotConnected,
		},
		"object in 200": {
			oauthtest.JSON(200, model), "ultracart: status 200: bad: Bad [redacted].", connect.ErrInvalidResponse,
		},
		"expiry is no number": {
			oauthtest.JSON(200, `{"access_token":"a","successful":"x","expires_in":"soon"}`), "ultracart: status 200",
			connect.ErrInvalidResponse,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ultracarttest.Config{})
			for _, path := range []string{tokenPath, revokePath, devicePath} {
				w.Inject(path, 1, test.fault)
			}
			_, tokenErr := w.oauth().AccessToken(t.Context(), ultracart.TokenRequest{
				GrantType: ultracart.RefreshToken, RefreshToken: "access-token",
			})
			_, revokeErr := w.oauth().Revoke(t.Context(), "access-token")
			for _, err := range []error{tokenErr, revokeErr} {
				var failed *ultracart.APIError
				require.ErrorAs(t, err, &failed)
				if !strings.HasPrefix(name, "page") {
					require.Contains(t, err.Error(), test.want)
				}
				require.ErrorIs(t, err, test.is)
			}
			_, err := w.oauth().AuthorizeDevice(t.Context(), "crm")
			require.Error(t, err)
		})
	}
}
