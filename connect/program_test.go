package connect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

const device = `{"device_code":"device-code","user_code":"ABCD-EFGH",` +
	`"verification_uri":"https://server.example/device",` +
	`"verification_uri_complete":"https://server.example/device?code=ABCD-EFGH","expires_in":600,"interval":5}`

// answer is one response of the token endpoint.
type answer struct {
	status int
	body   string
}

var (
	pending  = answer{400, `{"error":"authorization_pending"}`}
	slower   = answer{400, `{"error":"slow_down"}`}
	approved = answer{
		200,
		`{"access_token":"access-token-1","token_type":"bearer",` +
			`"refresh_token":"refresh-token-1","expires_in":3600,"scope":"profile"}`,
	}
)

// deviceServer answers in memory, and notes when and with what it was polled.
type deviceServer struct {
	device  string
	answers []answer
	polls   []time.Duration // since the bubble's start
	forms   []url.Values
}

func (s *deviceServer) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.ParseForm()
	s.forms = append(s.forms, r.PostForm)
	next := answer{200, s.device}
	if r.URL.Path == "/token" {
		s.polls = append(s.polls, time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)))
		next = s.answers[0]
		if len(s.answers) > 1 {
			s.answers = s.answers[1:]
		}
	}
	if next.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	handler := oauthtest.JSON(next.status, next.body)(nil)
	return oauthtest.Transport{Handler: handler}.RoundTrip(r)
}

func (s *deviceServer) connector(
	t *testing.T, tokens connect.TokenStore, changes ...func(*connect.Config),
) *connect.Connector {
	t.Helper()
	config := connect.Config{
		Server: connect.Server{
			Name: "Example", PublicClient: true,
			Endpoint: oauth2.Endpoint{
				AuthURL: "https://server.example/auth", TokenURL: "https://server.example/token",
				DeviceAuthURL: "https://server.example/device",
			},
		},
		ClientID: "app", RedirectURL: "http://127.0.0.1/callback", Scopes: []connect.Scope{"profile"}, Tokens: tokens,
		HTTPClient: &http.Client{Transport: s},
	}
	for _, change := range changes {
		change(&config)
	}
	c, err := connect.New(config)
	require.NoError(t, err)
	return c
}

func TestConnectDevice(t *testing.T) {
	const second = time.Second
	unavailable := answer{503, "<html>busy</html>"}
	for name, test := range map[string]struct {
		device  string
		answers []answer
		polls   []time.Duration
		err     error
	}{
		"approved": {device, []answer{approved}, []time.Duration{5 * second}, nil},
		"pending": {
			device, []answer{pending, pending, approved}, []time.Duration{5 * second, 10 * second, 15 * second}, nil,
		},
		"slow_down": {
			device, []answer{slower, pending, approved}, []time.Duration{5 * second, 15 * second, 25 * second}, nil,
		},
		"unavailable":   {device, []answer{unavailable, approved}, []time.Duration{5 * second, 15 * second}, nil},
		"lost response": {device, []answer{{}, approved}, []time.Duration{5 * second, 15 * second}, nil},
		"denied": {
			device, []answer{{400, `{"error":"access_denied"}`}}, []time.Duration{5 * second}, connect.ErrAccessDenied,
		},
		"denied at Entra ID": {
			device, []answer{{400, `{"error":"authorization_declined"}`}}, []time.Duration{5 * second},
			connect.ErrAccessDenied,
		},
		"too many requests": {
			device, []answer{{429, `{"errorCode":"E0000047"}`}, approved}, []time.Duration{5 * second, 15 * second}, nil,
		},
		"too many requests until expiry": {
			`{"device_code":"d","user_code":"u","verification_uri":"v","expires_in":12}`, []answer{{429, ``}},
			[]time.Duration{5 * second}, connect.ErrCodeExpired,
		},
		"expired": {
			device, []answer{{400, `{"error":"expired_token"}`}}, []time.Duration{5 * second}, connect.ErrCodeExpired,
		},
		"other error": {
			device, []answer{{400, `{"error":"invalid_grant"}`}}, []time.Duration{5 * second}, connect.ErrTokenExchange,
		},
		"page": {device, []answer{{200, `<html>`}}, []time.Duration{5 * second}, connect.ErrTokenExchange},
		"no interval": {
			`{"device_code":"d","user_code":"u","verification_uri":"v","expires_in":600}`, []answer{approved},
			[]time.Duration{5 * second}, nil,
		},
		"negative interval": {
			`{"device_code":"d","user_code":"u","verification_uri":"v","expires_in":600,"interval":-1}`, []answer{approved},
			[]time.Duration{5 * second}, nil,
		},
		"interval": {
			`{"device_code":"d","user_code":"u","verification_uri":"v","expires_in":600,"interval":60}`, []answer{approved},
			[]time.Duration{60 * second}, nil,
		},
		"expires while pending": {
			`{"device_code":"d","user_code":"u","verification_uri":"v","expires_in":12}`, []answer{pending},
			[]time.Duration{5 * second, 10 * second}, connect.ErrCodeExpired,
		},
		"no lifetime": {
			`{"device_code":"d","user_code":"u","verification_uri":"v","interval":1200}`, []answer{pending},
			[]time.Duration{1200 * second}, connect.ErrCodeExpired,
		},
		"no device code": {`{"user_code":"u","verification_uri":"v"}`, nil, nil, connect.ErrInvalidResponse},
		"no address":     {`{"device_code":"d","user_code":"u"}`, nil, nil, connect.ErrInvalidResponse},
		"null":           {`null`, nil, nil, connect.ErrInvalidResponse},
		"device page":    {`<html>`, nil, nil, connect.ErrInvalidResponse},
		"list":           {`[]`, nil, nil, connect.ErrInvalidResponse},
		"code that controls a terminal": {
			`{"device_code":"d","user_code":"u\u001b[2J","verification_uri":"v"}`, []answer{approved}, nil,
			connect.ErrInvalidResponse,
		},
		"address that turns text around": {
			`{"device_code":"d","user_code":"u","verification_uri":"v\u202e"}`, []answer{approved}, nil,
			connect.ErrInvalidResponse,
		},
		"complete address of two lines": {
			`{"device_code":"d","user_code":"u","verification_uri":"v","verification_uri_complete":"v\nw"}`,
			[]answer{approved}, nil, connect.ErrInvalidResponse,
		},
		"numbers in strings": {
			`{"device_code":"d","user_code":"u","verification_uri":"v","expires_in":"600","interval":"7"}`,
			[]answer{approved}, []time.Duration{7 * second}, nil,
		},
		"fractions after a byte order mark": {
			"\ufeff" + `{"device_code":"d","user_code":"u","verification_uri":"v","expires_in":6e2,"interval":7.0}`,
			[]answer{approved}, []time.Duration{7 * second}, nil,
		},
		"lifetime that is no number": {
			`{"device_code":"d","user_code":"u","verification_uri":"v","expires_in":{},"interval":"soon"}`,
			[]answer{approved}, []time.Duration{5 * second}, nil,
		},
		"misspelt address": {
			`{"device_code":"d","user_code":"u","verification_url":"v"}`, []answer{approved}, []time.Duration{5 * second}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &deviceServer{device: test.device, answers: test.answers}
				tokens := new(connect.MemoryTokenStore)
				connector := server.connector(t, tokens)
				var shown connect.DeviceCode
				err := connector.ConnectDevice(t.Context(), "me", func(_ context.Context, code connect.DeviceCode) error {
					shown = code
					return nil
				})
				require.Equal(t, test.polls, server.polls)
				if test.err != nil {
					require.ErrorIs(t, err, test.err)
					require.NotContains(t, err.Error(), "device-code")
					if test.polls == nil {
						require.Zero(t, shown, "nothing was shown")
					}
					require.Zero(t, tokens.Len())
					return
				}
				require.NoError(t, err)
				require.NotEmpty(t, shown.UserCode)
				require.Equal(t, url.Values{"client_id": {"app"}, "scope": {"profile"}}, server.forms[0])
				require.Equal(t, "urn:ietf:params:oauth:grant-type:device_code", server.forms[1].Get("grant_type"))
				account, err := connector.Account(t.Context(), "me")
				require.NoError(t, err)
				require.Equal(t, connect.Secret("refresh-token-1"), account.Credential().RefreshToken)
				if test.device == device {
					require.Equal(t, "https://server.example/device?code=ABCD-EFGH", shown.CompleteURL)
					require.Equal(t, 10*time.Minute, time.Until(shown.Expiry)+time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)))
				}
			})
		})
	}
	t.Run("two at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := &deviceServer{device: device, answers: []answer{pending, approved}}
			connector := server.connector(t, new(connect.MemoryTokenStore))
			done, shown := make(chan error, 2), 0
			for range 2 {
				go func() {
					done <- connector.ConnectDevice(
						t.Context(), "me", func(context.Context, connect.DeviceCode) error { shown++; return nil },
					)
				}()
			}
			require.NoError(t, errors.Join(<-done, <-done))
			require.Equal(t, 1, shown)
		})
	})
	t.Run("given up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := &deviceServer{device: device, answers: []answer{pending}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := server.connector(t, nil).ConnectDevice(
				ctx, "me", func(context.Context, connect.DeviceCode) error { return nil },
			)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
	t.Run("not shown", func(t *testing.T) {
		failure := errors.New("no terminal")
		err := (&deviceServer{device: device}).connector(t, nil).ConnectDevice(t.Context(), "me",
			func(context.Context, connect.DeviceCode) error { return failure })
		require.ErrorIs(t, err, failure)
	})
}

// TestDeviceErrorsAreDescribed polls a server that has its errors in another
// member, as Twitch does.
func TestDeviceErrorsAreDescribed(t *testing.T) {
	const second = time.Second
	says := func(code string) answer { return answer{400, `{"status":400,"message":"` + code + `"}`} }
	for name, test := range map[string]struct {
		answers []answer
		polls   []time.Duration
		err     error
	}{
		"pending": {
			[]answer{says("authorization_pending"), says("authorization_pending"), approved},
			[]time.Duration{5 * second, 10 * second, 15 * second}, nil,
		},
		"slow_down": {
			[]answer{says("slow_down"), says("authorization_pending"), approved},
			[]time.Duration{5 * second, 15 * second, 25 * second}, nil,
		},
		"denied":  {[]answer{says("access_denied")}, []time.Duration{5 * second}, connect.ErrAccessDenied},
		"expired": {[]answer{says("expired_token")}, []time.Duration{5 * second}, connect.ErrCodeExpired},
		"other":   {[]answer{says("invalid device code")}, []time.Duration{5 * second}, connect.ErrTokenExchange},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &deviceServer{device: device, answers: test.answers}
				connector := server.connector(t, nil, func(c *connect.Config) {
					c.Server.Describe = func(refused *oauth2.RetrieveError) (code, text string) {
						var said struct{ Message string }
						_ = json.Unmarshal(refused.Body, &said)
						return said.Message, ""
					}
				})
				err := connector.ConnectDevice(
					t.Context(), "me", func(context.Context, connect.DeviceCode) error { return nil },
				)
				require.Equal(t, test.polls, server.polls)
				require.ErrorIs(t, err, test.err)
			})
		})
	}
}

// TestDeviceAuthorizationIsAuthenticated checks how a confidential client
// requests a device code (RFC 8628 section 3.1). Google and Auth0 refuse a
// client secret there.
func TestDeviceAuthorizationIsAuthenticated(t *testing.T) {
	const basic, body, none = "basic", "body", "none"
	for name, test := range map[string]struct {
		style oauth2.AuthStyle
		takes string // how the server wants the client to authenticate
		sent  []string
		err   error
	}{
		"header":                  {oauth2.AuthStyleInHeader, basic, []string{basic}, nil},
		"default":                 {0, basic, []string{basic}, nil},
		"body":                    {oauth2.AuthStyleInParams, body, []string{body}, nil},
		"header is refused":       {oauth2.AuthStyleInHeader, none, []string{basic, none}, nil},
		"body is refused":         {oauth2.AuthStyleInParams, none, []string{body, none}, nil},
		"everything is refused":   {oauth2.AuthStyleInParams, "", []string{body, none}, connect.ErrTokenExchange},
		"the server is not there": {oauth2.AuthStyleInParams, "503", []string{body}, connect.ErrUnavailable},
		"the server is busy":      {oauth2.AuthStyleInHeader, "429", []string{basic}, connect.ErrTokenExchange},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent []string
				mux := http.NewServeMux()
				mux.HandleFunc("POST /device", func(w http.ResponseWriter, r *http.Request) {
					_ = r.ParseForm()
					id, secret, ok := r.BasicAuth()
					how := none
					switch inBody := r.PostForm.Get("client_secret"); {
					case ok && id == "a+b" && secret == "s%26t" && inBody == "":
						how = basic
					case !ok && inBody == "s&t":
						how = body
					}
					sent = append(sent, how)
					switch {
					case r.PostForm.Get("client_id") != "a b":
						w.WriteHeader(http.StatusTeapot)
					case test.takes == "503" || test.takes == "429":
						status, _ := strconv.Atoi(test.takes)
						w.WriteHeader(status)
					case how != test.takes:
						w.WriteHeader(http.StatusUnauthorized)
						_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
					default:
						_, _ = io.WriteString(w, `{"device_code":"d","user_code":"u","verification_uri":"v","interval":1}`)
					}
				})
				mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
					_, _ = io.WriteString(w, approved.body)
				})
				connector, err := connect.New(connect.Config{
					Server: connect.Server{Name: "Example", Endpoint: oauth2.Endpoint{
						AuthURL: "https://server.example/auth", TokenURL: "https://server.example/token",
						DeviceAuthURL: "https://server.example/device", AuthStyle: test.style,
					}},
					ClientID: "a b", ClientSecret: "s&t", RedirectURL: "http://127.0.0.1/callback",
					HTTPClient: &http.Client{Transport: oauthtest.Transport{Handler: mux}},
				})
				require.NoError(t, err)
				err = connector.ConnectDevice(
					t.Context(), "me", func(context.Context, connect.DeviceCode) error { return nil },
				)
				require.Equal(t, test.sent, sent)
				if test.err != nil {
					require.ErrorIs(t, err, test.err)
					return
				}
				require.NoError(t, err)
			})
		})
	}
}

func TestConnectCode(t *testing.T) {
	for name, test := range map[string]struct {
		answer answer
		err    error
		code   string
	}{
		"good": {approved, nil, ""},
		"refused": {
			answer{400, `{"error":"invalid_grant","error_description":"of one-time-code"}`}, connect.ErrTokenExchange,
			"invalid_grant",
		},
		"down": {answer{500, ``}, connect.ErrUnavailable, ""},
		"lost": {answer{}, connect.ErrUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := &deviceServer{answers: []answer{test.answer}}
			err := server.connector(t, nil).ConnectCode(t.Context(), "me", "urn:example:code", "one-time-code")
			require.Equal(
				t, url.Values{"client_id": {"app"}, "grant_type": {"urn:example:code"}, "code": {"one-time-code"}},
				server.forms[0],
			)
			if test.err == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, test.err)
			require.NotContains(t, fmt.Sprintf("%v %+v", err, err), "one-time-code")
			if test.code != "" {
				var refused *connect.TokenError
				require.ErrorAs(t, err, &refused)
				require.Equal(t, test.code, refused.Code)
			}
		})
	}
}
