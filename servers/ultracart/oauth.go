package ultracart

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/reply"
)

// The grant types of [OAuth.AccessToken].
const (
	AuthorizationCode = "authorization_code"
	RefreshToken      = "refresh_token"
	DeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// OAuth calls UltraCart's OAuth endpoints, as OauthApi does in UltraCart's own
// clients. A web application does not need it: a [connect.Connector] makes
// these requests. It is safe for concurrent use.
type OAuth struct {
	// Server is [Server] or [EmbedServer].
	Server connect.Server
	// ClientID is the application's client ID.
	ClientID string
	// HTTPClient sends the requests, and follows no redirects. The default is
	// http.DefaultClient, which has no timeout: give each call a context with a
	// deadline.
	HTTPClient *http.Client
	// MaxWait is as in [Client].
	MaxWait time.Duration
}

// TokenRequest holds the parameters of a token request.
type TokenRequest struct {
	GrantType    string         // AuthorizationCode, RefreshToken or DeviceCode
	Code         connect.Secret // for AuthorizationCode
	RedirectURI  string         // for AuthorizationCode
	RefreshToken connect.Secret // for RefreshToken
	DeviceCode   connect.Secret // for DeviceCode
}

// TokenResponse is the model OauthTokenResponse. Every field is optional.
type TokenResponse struct {
	AccessToken      connect.Secret `json:"access_token"`
	RefreshToken     connect.Secret `json:"refresh_token"` // if empty, keep the old one
	ExpiresIn        Seconds        `json:"expires_in"`
	Scope            string         `json:"scope"`
	TokenType        string         `json:"token_type"` // bearer
	Error            string         `json:"error"`
	ErrorDescription string         `json:"error_description"`
	ErrorURI         string         `json:"error_uri"`
}

// RevokeResponse is the model OauthRevokeSuccessResponse. Every field is
// optional.
type RevokeResponse struct {
	Message    string `json:"message"`
	Successful bool   `json:"successful"`
}

// DeviceAuthorization is the model OauthDeviceAuthorizationResponse. Every
// field is optional; [OAuth.AuthorizeDevice] returns an error without a device
// code.
type DeviceAuthorization struct {
	DeviceCode              connect.Secret `json:"device_code"`
	UserCode                string         `json:"user_code"`
	VerificationURI         string         `json:"verification_uri"`
	VerificationURIComplete string         `json:"verification_uri_complete"`
	ExpiresIn               Seconds        `json:"expires_in"`
	Interval                Seconds        `json:"interval"`
}

// Seconds is a number of seconds. UltraCart writes it as a string for a token
// and as a number for a device code; both are read.
type Seconds int64

// UnmarshalJSON reads a whole number, or a string that holds one. It reads null
// and the empty string as 0.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	text := string(b)
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &text); err != nil {
			return errors.New("a number of seconds is not JSON")
		}
	}
	if text == "" || text == "null" {
		*s = 0
		return nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32) // 68 years
	if err != nil {
		return errors.New("a number of seconds is not a whole number")
	}
	*s = Seconds(seconds)
	return nil
}

// Duration returns the seconds as a duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// AccessToken exchanges an authorization code, a refresh token or a device code
// for an access token. It is oauth_access_token. If the response contains an
// error, even with status 200, AccessToken also returns an [APIError].
func (o OAuth) AccessToken(ctx context.Context, request TokenRequest) (TokenResponse, error) {
	form := url.Values{"grant_type": {request.GrantType}}
	secrets := []connect.Secret{request.Code, request.RefreshToken, request.DeviceCode}
	for name, value := range map[string]string{
		"code": request.Code.Reveal(), "redirect_uri": request.RedirectURI,
		"refresh_token": request.RefreshToken.Reveal(), "device_code": request.DeviceCode.Reveal(),
	} {
		if value != "" {
			form.Set(name, value)
		}
	}
	var response TokenResponse
	if err := o.post(ctx, o.Server.Endpoint.TokenURL, form, &response, secrets...); err != nil {
		return response, err
	}
	if response.AccessToken == "" {
		return response, &APIError{Status: http.StatusOK, Text: "the response has no access_token"}
	}
	return response, nil
}

// Revoke revokes an access token, and with it the merchant's approval of the
// application. It is oauth_revoke. If the response reports failure, Revoke also
// returns an [APIError].
func (o OAuth) Revoke(ctx context.Context, accessToken connect.Secret) (RevokeResponse, error) {
	var response RevokeResponse
	form := url.Values{"token": {accessToken.Reveal()}}
	if err := o.post(ctx, o.Server.RevokeURL, form, &response, accessToken); err != nil {
		return response, err
	}
	if !response.Successful {
		return response, &APIError{Status: http.StatusOK, Text: cmp.Or(
			reply.Text([]byte(response.Message), accessToken), "the token was not revoked")}
	}
	return response, nil
}

// AuthorizeDevice starts the device authorization grant (RFC 8628) for a scope,
// which is required: one of UltraCart's names, such as crm or ultraship, or
// crm_embed for an [EmbedServer]. Show the user the UserCode and the
// VerificationURI, and call [OAuth.DeviceToken].
func (o OAuth) AuthorizeDevice(ctx context.Context, scope string) (DeviceAuthorization, error) {
	var device DeviceAuthorization
	if scope == "" {
		return device, fmt.Errorf("ultracart: %w: the scope is empty", connect.ErrInvalidRequest)
	}
	form := url.Values{"scope": {scope}}
	if err := o.post(ctx, o.Server.Endpoint.DeviceAuthURL, form, &device); err != nil {
		return device, err
	}
	if device.DeviceCode == "" {
		return device, &APIError{Status: http.StatusOK, Text: "the response has no device_code"}
	}
	return device, nil
}

// slowDown is added to the interval after slow_down (RFC 8628 section 3.5).
const slowDown = 5 * time.Second

// DeviceToken requests a device's token until the user has answered or the
// device code has expired. It waits for the interval between two requests. After
// a request that UltraCart could not answer, the interval is twice as long. The
// error is [connect.ErrAccessDenied] if the user denies access, and
// [connect.ErrTokenExchange] if the code expires.
func (o OAuth) DeviceToken(ctx context.Context, device DeviceAuthorization) (TokenResponse, error) {
	interval := cmp.Or(device.Interval.Duration(), 5*time.Second) // RFC 8628 section 3.2
	expires := time.Now().Add(device.ExpiresIn.Duration())
	for {
		if device.ExpiresIn > 0 && time.Now().Add(interval).After(expires) {
			return TokenResponse{}, fmt.Errorf("ultracart: %w: the device code has expired", connect.ErrTokenExchange)
		}
		timer := time.NewTimer(interval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return TokenResponse{}, fmt.Errorf("ultracart: %w", ctx.Err())
		}
		response, err := o.AccessToken(ctx, TokenRequest{GrantType: DeviceCode, DeviceCode: device.DeviceCode})
		var refused *APIError
		errors.As(err, &refused)
		switch {
		case refused != nil && refused.Code == "authorization_pending":
		case refused != nil && refused.Code == "slow_down":
			interval += slowDown
		case errors.Is(err, connect.ErrUnavailable) && device.ExpiresIn > 0 && ctx.Err() == nil:
			interval *= 2 // RFC 8628 section 3.5
		default:
			return response, err
		}
	}
}

// post posts a form with the client's ID. It returns an [APIError] if the
// response contains an error.
func (o OAuth) post(ctx context.Context, target string, form url.Values, out any, secrets ...connect.Secret) error {
	form.Set("client_id", o.ClientID)
	resp, body, err := sender{o.HTTPClient, o.MaxWait}.send(
		ctx, http.MethodPost, target, "application/x-www-form-urlencoded", form.Encode())
	if err != nil {
		return err
	}
	unread := reply.Object(body, out)
	refused := refusal(resp, body, secrets...)
	switch {
	case resp.StatusCode != http.StatusOK, refused.Code != "", refused.Details != nil:
		return refused
	case unread != nil:
		return &APIError{Status: resp.StatusCode, Text: unread.Error()}
	}
	return nil
}
