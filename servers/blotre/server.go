package blotre

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"golang.org/x/oauth2"
)

// Address is the base URL of Blot're.
const Address = "https://blot.re"

// Server describes Blot're at an address. An empty address means [Address].
//
// A redirect URL must be registered at Blot're exactly as in
// connect.Config.RedirectURL. There are no scopes.
func Server(address string) connect.Server {
	address = base(address)
	return connect.Server{
		Name: "Blot're",
		Endpoint: oauth2.Endpoint{
			AuthURL: address + "/v0/oauth2/authorize", TokenURL: address + "/v0/oauth2/access_token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
		StateNotReturned: true,
		Scopes:           connect.ScopePolicy{Omit: true},
		Subject:          subject,
		Identity: func(ctx context.Context, account *connect.Account) (connect.User, error) {
			user, err := NewClient(account).User(ctx, account.Credential().Subject)
			return connect.User{ID: user.ID, Name: user.Name}, err
		},
		Revoke: func(ctx context.Context, app connect.Application, credential connect.Credential) error {
			client := Client{Address: address, HTTPClient: app.HTTPClient}
			err := client.Revoke(ctx, cmp.Or(credential.RefreshToken, credential.AccessToken))
			if errors.Is(err, connect.ErrNotFound) { // it is already invalid
				return nil
			}
			return err
		},
	}
}

// base returns the address without a trailing slash.
func base(address string) string { return strings.TrimSuffix(cmp.Or(address, Address), "/") }

// subject returns the user's id from a token response.
func subject(member func(string) any) string {
	user, _ := member("user").(map[string]any)
	id, _ := user["id"].(string)
	return id
}

// TokenInfo is Blot're's data about a token.
type TokenInfo struct {
	Issued    time.Time     // when the access token was issued
	ExpiresIn time.Duration // the access token's remaining lifetime; zero if expired
	ClientID  string
	User      User // zero if the token has no user
}

// TokenInfo asks Blot're about an access token or a refresh token. The error is
// [connect.ErrNotFound] if the token is unknown or has expired.
func (c Client) TokenInfo(ctx context.Context, token connect.Secret) (TokenInfo, error) {
	var info struct {
		Issued    millis      `json:"issued"`
		ExpiresIn json.Number `json:"expires_in"`
		ClientID  string      `json:"client_id"`
		User      *User       `json:"user"`
	}
	query := url.Values{"token": {token.Reveal()}}
	if _, err := c.send(ctx, request{
		http.MethodGet, "oauth2/token_info", query, nil, &info, []connect.Secret{token},
	}); err != nil {
		return TokenInfo{}, err
	}
	seconds, err := info.ExpiresIn.Float64()
	if err != nil || seconds < 0 || seconds > 1e9 {
		return TokenInfo{}, fmt.Errorf("blotre: %w: expires_in is no number of seconds", connect.ErrInvalidResponse)
	}
	known := TokenInfo{
		Issued: time.Time(info.Issued), ExpiresIn: time.Duration(seconds) * time.Second, ClientID: info.ClientID,
	}
	if info.User != nil {
		known.User = *info.User
	}
	return known, nil
}

// Revoke revokes an access token or a refresh token, and the other one with it.
// The error is [connect.ErrNotFound] if the token is unknown, has expired, or
// was revoked before.
func (c Client) Revoke(ctx context.Context, token connect.Secret) error {
	query := url.Values{"token": {token.Reveal()}}
	_, err := c.send(ctx, request{http.MethodPost, "oauth2/revoke", query, nil, nil, []connect.Secret{token}})
	return err
}
