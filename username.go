package gloebit

import (
	"cmp"
	"context"
	"fmt"

	"github.com/go-gloebit/gloebit/connect"
)

// Name returns the name that Gloebit's history shows for a transaction without
// a Username: the name at Gloebit if it is known, otherwise User.Name or
// User.ID. It is empty when only a browser session identifies the user and the
// name at Gloebit was not read.
func (c *Client) Name() string {
	if name := cmp.Or(c.account.Credential().Name, c.User().Name); name != "" {
		return name
	}
	if config := c.merchant.config; config.User == nil && !config.SignIn && connect.IsSessionUser(c.User().ID) {
		return "" // a random ID tells the reader of the history nothing
	}
	return c.User().ID
}

// username returns the given name, [Client.Name], or the name that it reads
// from the server and stores. Gloebit's document does not call
// merchant-user-id optional, so the error is ErrInvalidRequest if no name is
// known and the user granted no identity scope. If reading the name fails, the
// user can still pay: the transaction has an ID in its place.
func (c *Client) username(ctx context.Context, given string) (string, error) {
	if name := cmp.Or(given, c.Name()); name != "" {
		return name, nil
	}
	credential := c.account.Credential()
	if !c.merchant.connector.MayIdentify(credential) {
		return "", fmt.Errorf("%w: no name of the user is known: set Username, or ask for %s in Config.Scopes",
			ErrInvalidRequest, ScopeID)
	}
	name := c.merchant.connector.ReadName(ctx, c.User(), credential)
	if name == "" {
		return cmp.Or(credential.Subject, c.User().ID), nil
	}
	c.account.KeepName(ctx, credential.AccessToken, name)
	return name, nil
}
