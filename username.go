package gloebit

import (
	"cmp"
	"context"
	"fmt"

	"github.com/go-gloebit/gloebit/connect"
)

// Name returns what Gloebit's history calls the user in a transaction without a
// Username: the name at Gloebit where it is known, else the name or the id that
// the application has for the user. It is empty when none of them is known: when
// the session alone is the user, and the user's name at Gloebit was not read.
func (c *Client) Name() string {
	if name := cmp.Or(c.account.Credential().Name, c.User().Name); name != "" {
		return name
	}
	if config := c.merchant.config; config.User == nil && !config.SignIn && connect.IsSessionUser(c.User().ID) {
		return "" // a random id means nothing to a reader of the history
	}
	return c.User().ID
}

// username returns the given name, else [Client.Name], else the name that the
// server tells now, which is kept. Gloebit's document does not call
// merchant-user-id optional, so the error is ErrInvalidRequest when no name is
// known and the user granted no identity scope. A name that can't be read does
// not keep anybody from paying: the transaction then has an id in its place.
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
