package connect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/internal/redact"
	"golang.org/x/oauth2"
)

// The greatest sizes in bytes. Entra ID and Keycloak name each group or role of
// the user in the access token, and each permission in the scope list.
const (
	maxToken = 64 << 10
	maxScope = 16 << 10
)

// credentialOf reads a token response (RFC 6749 section 5.1) with its scope
// list. An empty list means the requested scopes. IDs and scopes are stored and
// logged, so they must not contain secrets of the request or the response.
func credentialOf(
	server Server, token *oauth2.Token, list string, asked []Scope, now time.Time, sent ...Secret,
) (Credential, error) {
	if !usableToken(token.AccessToken) || token.RefreshToken != "" && !usableToken(token.RefreshToken) {
		return Credential{}, fmt.Errorf("%w: the answer's token is of more than %d bytes, or has characters "+
			"that no header can carry", ErrTokenExchange, maxToken)
	}
	if !strings.EqualFold(token.Type(), "bearer") {
		return Credential{}, fmt.Errorf("%w: the answer's token is not of the type Bearer", ErrTokenExchange)
	}
	credential := Credential{
		AccessToken:  Secret(token.AccessToken),
		RefreshToken: Secret(token.RefreshToken),
		Scopes:       asked,
	}
	if token.ExpiresIn > 0 {
		credential.TokenExpiry = now.Add(time.Duration(token.ExpiresIn) * time.Second)
	}
	secrets := slices.Concat(sent, []Secret{credential.AccessToken, credential.RefreshToken})
	if strings.TrimSpace(list) != "" && !isListOf(list, asked) {
		if err := checkScopes(list, secrets...); err != nil {
			return Credential{}, err
		}
		credential.Scopes = ParseScopes(list)
	}
	if server.Subject != nil {
		credential.Subject = usableID(server.Subject(token.Extra), secrets...)
	}
	return credential, nil
}

// scopesIn returns the scope list of a token response.
func scopesIn(token *oauth2.Token) string {
	list, _ := token.Extra("scope").(string)
	return list
}

// usableRefresh returns the response to a refresh and its scope list, without
// the optional fields for which [credentialOf] would refuse the new token. If
// the refresh token is unusable, the current one stays. If the scope list must
// not be stored, the previously granted scopes stay.
func usableRefresh(
	server Server, token *oauth2.Token, current Credential, clientSecret Secret,
) (usable *oauth2.Token, list string) {
	if !usableToken(token.RefreshToken) {
		token.RefreshToken = current.RefreshToken.Reveal()
	}
	list = scopesIn(token)
	if isListOf(list, current.Scopes) || checkScopes(list, clientSecret, current.AccessToken, current.RefreshToken,
		Secret(token.AccessToken), Secret(token.RefreshToken)) == nil {
		return token, list
	}
	granted := ParseScopes(list)
	kept := slices.DeleteFunc(slices.Clone(current.Scopes), func(scope Scope) bool {
		return !server.Scopes.covers(granted, scope)
	})
	return token, JoinScopes(kept)
}

// checkScopes returns an error if a scope list is too long or contains a
// secret. Scopes are stored and logged.
func checkScopes(list string, secrets ...Secret) error {
	if len(list) > maxScope {
		return fmt.Errorf("%w: the answer's scope is of %d bytes, more than %d", ErrTokenExchange, len(list), maxScope)
	}
	if !isText(list) {
		return fmt.Errorf("%w: the answer's scope is not text", ErrTokenExchange)
	}
	if redact.Repeats(list, secrets...) {
		return fmt.Errorf("%w: the answer's scope repeats a secret", ErrTokenExchange)
	}
	return nil
}

// usableID returns an ID of at most 200 bytes. It returns "" if the ID is not
// text or contains a secret. IDs are stored and logged.
func usableID(id string, secrets ...Secret) string {
	if !isText(id) || redact.Repeats(id, secrets...) {
		return ""
	}
	return redact.Text(id, secrets...)
}

// usableToken reports whether a header can carry the token: visible ASCII of
// limited length. Not every server observes the smaller alphabet of RFC 6750
// section 2.1.
func usableToken(token string) bool {
	if token == "" || len(token) > maxToken {
		return false
	}
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= 0x20 || r >= 0x7f })
}

// exchangeError returns why the token endpoint issued no token. It keeps only
// the short error fields of the response, without the secrets that were sent,
// and never the body.
func exchangeError(server Server, err error, sent ...Secret) error {
	var refused *oauth2.RetrieveError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", ErrTokenExchange, context.Canceled)
	case errors.As(err, &refused) && refused.Response.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%w: %w: %w", ErrTokenExchange, ErrUnavailable, tokenError(server, refused, sent))
	case errors.As(err, &refused):
		return fmt.Errorf("%w: %w", ErrTokenExchange, tokenError(server, refused, sent))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("%w: the token endpoint: %w", ErrTokenExchange, context.DeadlineExceeded)
	case errors.As(err, &network):
		return fmt.Errorf(
			"%w: %w: the token endpoint can't be reached: %w", ErrTokenExchange, ErrUnavailable, redact.Failure(err),
		)
	}
	return fmt.Errorf("%w: the token endpoint's answer can't be read: %w", ErrTokenExchange, ErrInvalidResponse)
}

// TokenError is an error response of the token endpoint (RFC 6749 section 5.2).
// [Connector.Exchange], and calls that refresh a token, return it within an
// ErrTokenExchange.
type TokenError struct {
	Status int    // the HTTP status, which may be 200
	Code   string // such as invalid_grant; empty when the server gave none
	Text   string // the server's explanation, without secrets
}

// Error returns the status and the server's explanation.
func (e *TokenError) Error() string {
	if e.Code == "" && e.Text == "" {
		return fmt.Sprintf("the token endpoint answered with status %d", e.Status)
	}
	advice := ""
	if e.refusesApplication() {
		advice = ": check Config.ClientID, Config.ClientSecret and the server's AuthStyle"
	}
	return fmt.Sprintf("the token endpoint answered with status %d: %q %q%s", e.Status, e.Code, e.Text, advice)
}

// endsGrant reports whether the server refuses the refresh token: with
// invalid_grant or a code of its own. A refusal of the application's
// credentials, a busy server or a proxy's page does not end the grant.
func (e *TokenError) endsGrant() bool {
	switch e.Code {
	case "temporarily_unavailable", "server_error", "slow_down", unnamedError, "unknown_error": // the last is Salesforce's
		return false
	}
	// 401 is for the application's credentials (RFC 6749 section 5.2), for which
	// servers have codes of their own; 403 is more likely from a gateway.
	if e.Code != "invalid_grant" &&
		(e.refusesApplication() || e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden) {
		return false
	}
	switch {
	case e.Status == http.StatusTooManyRequests, e.Status >= 300 && e.Status < 400, e.Status >= 500, e.noRefreshSupport():
		return false
	}
	return e.Code != "" || e.Text != ""
}

// refusesApplication reports whether the server refuses the client ID or the
// client secret, with the code of RFC 6749 section 5.2, of GitHub or of Slack.
func (e *TokenError) refusesApplication() bool {
	switch e.Code {
	case "invalid_client", "incorrect_client_credentials", "bad_client_secret", "invalid_client_id":
		return true
	}
	return false
}

// noRefreshSupport reports whether the server may not support refreshing,
// in general or for this client or request. The refresh token may still be
// valid. Exact Online and Zoho refuse a refresh that is too early with an error
// of authorization responses.
func (e *TokenError) noRefreshSupport() bool {
	switch e.Code { // the codes of RFC 6749 sections 4.1.2.1 and 5.2 that don't concern the token
	case "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_grant_type", "access_denied",
		"Access Denied":
		return e.Status != http.StatusTooManyRequests
	}
	return e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed
}

// givesNoReason reports whether the server refuses without an error code: with
// an empty body, a page, or an error that is not a string; or with status 401
// and a code that may concern the application or the user. Status 403 may come
// from a proxy.
func (e *TokenError) givesNoReason() bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return !e.refusesApplication()
	case http.StatusOK, http.StatusBadRequest, http.StatusGone:
		return e.Code == "" && e.Text == "" || e.Code == unnamedError
	}
	return false
}

// tokenError reads the short fields of an error response.
func tokenError(server Server, refused *oauth2.RetrieveError, sent []Secret) *TokenError {
	code, text := refused.ErrorCode, refused.ErrorDescription
	if server.Describe != nil {
		code, text = server.Describe(refused)
	}
	return &TokenError{
		Status: refused.Response.StatusCode,
		Code:   redact.Text(code, sent...),
		Text:   redact.Text(text, sent...),
	}
}
