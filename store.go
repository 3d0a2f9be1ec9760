package gloebit

import (
	"context"

	"github.com/go-gloebit/gloebit/connect"
)

// Secret is a string that must not be shown: a client secret or a token.
// Package fmt (except its verb %p), JSON and logs show it as "[redacted]"; see
// [connect.Secret].
type Secret = connect.Secret

// User is a user of the application; see [connect.User].
type User = connect.User

// Connection is the result of a completed connection; see [connect.Connection].
type Connection = connect.Connection

// TokenStore stores the users' credentials; see [connect.TokenStore].
type TokenStore = connect.TokenStore

// SessionStore reads and writes the browser's session; see
// [connect.SessionStore].
type SessionStore = connect.SessionStore

// MemoryTokenStore keeps credentials in this process; see
// [connect.MemoryTokenStore].
type MemoryTokenStore = connect.MemoryTokenStore

// Client returns the client of a user, for work outside a request. The error is
// ErrNotConnected when the user has no credential, ErrInvalidRequest when the
// ID is empty, longer than 255 bytes, not UTF-8 or contains a NUL, and ErrStore
// when the store fails.
func (m *Merchant) Client(ctx context.Context, userID string) (*Client, error) {
	client, account := m.newClient()
	if err := m.connector.Find(ctx, userID, account); err != nil {
		return nil, err
	}
	return client, nil
}

// newClient returns a client and its account, in one allocation.
func (m *Merchant) newClient() (*Client, *connect.Account) {
	made := new(struct {
		client  Client
		account connect.Account
	})
	made.client = Client{merchant: m, account: &made.account}
	return &made.client, &made.account
}

// unsaved returns a client with a credential that is in no store.
func (m *Merchant) unsaved(credential connect.Credential) *Client {
	client, account := m.newClient()
	m.connector.Unsaved(credential, account)
	return client
}
