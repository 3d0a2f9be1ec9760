package gloebit

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/go-gloebit/gloebit/internal/discreet"
)

// nameTimeout is how long a connection or a transaction waits for the user's
// name at Gloebit.
const nameTimeout = 5 * time.Second

// Name returns what Gloebit's history calls the user in a transaction without a
// Username: the name at Gloebit where it is known, else the name or the id that
// the application has for the user. It is empty when none of them is known: when
// the session alone is the user, and the user's name at Gloebit was not read.
func (c *Client) Name() string {
	if name := orDefault(c.current().Name, c.user.Name); name != "" {
		return name
	}
	if config := c.merchant.config; config.User == nil && !config.SignIn && strings.HasPrefix(c.user.ID, sessionUser) {
		return "" // a random id means nothing to a reader of the history
	}
	return c.user.ID
}

// username returns the given name, else [Client.Name], else the name that the
// server tells now, which is kept. Gloebit's document does not call
// merchant-user-id optional, so the error is ErrInvalidRequest when no name is
// known and the user granted no identity scope. A name that can't be read does
// not keep anybody from paying: the transaction then has an id in its place.
func (c *Client) username(ctx context.Context, given string) (string, error) {
	if name := orDefault(given, c.Name()); name != "" {
		return name, nil
	}
	credential := c.current()
	if !grantsIdentity(credential) {
		return "", fmt.Errorf("%w: no name of the user is known: set Username, or ask for %s in Config.Scopes",
			ErrInvalidRequest, ScopeID)
	}
	name := c.merchant.nameAtGloebit(ctx, c.user, credential)
	if name == "" {
		return orDefault(credential.GloebitID, c.user.ID), nil
	}
	c.keepName(ctx, credential.AccessToken, name)
	return name, nil
}

// keepName keeps the name with the credential of a token. The next transaction
// reads it again if the store fails.
func (c *Client) keepName(ctx context.Context, token Secret, name string) {
	err := c.merchant.tokens.Update(ctx, c.user.ID,
		func(_ context.Context, current *Credential) (*Credential, error) {
			if current == nil || current.AccessToken != token { //lint:constanttime both are stored
				return current, nil
			}
			current.Name = name
			return current, nil
		})
	if err != nil {
		c.merchant.log.WarnContext(ctx, "gloebit: the user's name could not be saved", "user", c.user.ID, "cause", err.Error())
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.credential.AccessToken == token { //lint:constanttime both are the application's own
		c.credential.Name = name
	}
}

// grantsIdentity reports whether the user's name at the server may be read.
func grantsIdentity(credential Credential) bool {
	return len(missingScopes(credential.Scopes, []Scope{ScopeID})) == 0
}

// nameAtGloebit reads the user's name, or returns "" and logs why it can't. The
// server may repeat the secrets that it was sent before.
func (m *Merchant) nameAtGloebit(ctx context.Context, user User, credential Credential, sent ...Secret) string {
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	identity, err := (&Client{merchant: m, credential: credential}).Identity(ctx)
	if err != nil {
		m.log.WarnContext(ctx, "gloebit: the user's name could not be read",
			"user", user.ID, "cause", discreet.Words(err.Error(), sent...))
		return ""
	}
	return nameOf(identity, sent...)
}

// nameOf returns the name as it is kept, logged and sent: short, without
// secrets, and without characters that control a terminal or the direction of
// text.
func nameOf(identity Identity, secrets ...Secret) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(identity.Name, ""))
	return strings.TrimSpace(discreet.Words(visible, secrets...))
}

// secretsOf returns what a callback and its pending connection have sent to the
// server.
func secretsOf(answer url.Values, pending PendingConnection) []Secret {
	return []Secret{pending.Verifier, Secret(answer.Get("state")), Secret(answer.Get("code"))}
}
