package connect

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/internal/redact"
	"golang.org/x/oauth2"
)

// revokeTimeout is how long a disconnection waits for the server to revoke the
// token.
const revokeTimeout = 5 * time.Second

// revoke asks the server to revoke a removed credential. A failure is only
// logged: the user is disconnected either way.
func (c *Connector) revoke(ctx context.Context, userID string, credential Credential) {
	revoke := c.server.Revoke
	if revoke == nil && c.server.RevokeURL != "" {
		revoke = revokeToken
	}
	if revoke == nil || credential.AccessToken == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	if err := revoke(ctx, c.application, credential); err != nil {
		cause := redact.Text(err.Error(), c.application.ClientSecret, credential.AccessToken, credential.RefreshToken)
		c.log.WarnContext(ctx, c.name+": the token could not be revoked", "user", userID, "cause", cause)
	}
}

// revokeToken revokes the refresh token, which also revokes the access token.
// Without a refresh token, it revokes the access token (RFC 7009 section 2.1).
func revokeToken(ctx context.Context, app Application, credential Credential) error {
	form := url.Values{"token": {credential.RefreshToken.Reveal()}, "token_type_hint": {"refresh_token"}}
	if credential.RefreshToken == "" {
		form = url.Values{"token": {credential.AccessToken.Reveal()}, "token_type_hint": {"access_token"}}
	}
	inBody := app.Server.PublicClient || app.Server.Endpoint.AuthStyle == oauth2.AuthStyleInParams
	if inBody {
		form.Set("client_id", app.ClientID)
	}
	if inBody && !app.Server.PublicClient {
		form.Set("client_secret", app.ClientSecret.Reveal())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, app.Server.RevokeURL, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !inBody { // RFC 6749 section 2.3.1
		req.SetBasicAuth(url.QueryEscape(app.ClientID), url.QueryEscape(app.ClientSecret.Reveal()))
	}
	resp, err := app.HTTPClient.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, redact.Failure(err))
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // reads as much as possible
	// RFC 7009 section 2.2 says 200, and servers also send 204.
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		var said struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(canonicalAnswer(body), &said) // the error has the status in any case
		return fmt.Errorf(
			"%w: the revocation endpoint answered with status %d: %q", ErrInvalidResponse, resp.StatusCode, said.Error,
		)
	}
	return nil
}
