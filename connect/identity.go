package connect

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/go-gloebit/gloebit/internal/redact"
)

// nameTimeout is how long a connection waits for the server to return the
// user's name.
const nameTimeout = 5 * time.Second

// identify asks the server which user approved, for Config.SignIn. It must be
// the user who started, or who has since signed in in another tab.
func (c *Connector) identify(
	ctx context.Context, credential Credential, pending PendingConnection, signedInAs string, sent []Secret,
) (User, error) {
	account := new(Account)
	c.Unsaved(credential, account)
	user, err := c.server.Identity(ctx, account)
	if err != nil {
		return User{}, err
	}
	for _, expected := range []string{pending.UserID, signedInAs} {
		if expected != "" && expected != user.ID {
			return User{}, fmt.Errorf("%w: approved by another account at the server", ErrUserChanged)
		}
	}
	return User{ID: user.ID, Name: visibleName(user.Name, sent...)}, nil // the session stores both
}

// MayIdentify reports whether Server.Identity is set and, unless
// Server.IdentityScopes is empty, the user granted one of them.
func (c *Connector) MayIdentify(credential Credential) bool {
	if c.server.Identity == nil {
		return false
	}
	if len(c.server.IdentityScopes) == 0 {
		return true
	}
	for _, scope := range c.server.IdentityScopes {
		if c.server.Scopes.covers(credential.Scopes, scope) {
			return true
		}
	}
	return false
}

// ReadName asks the server for the user's name with Server.Identity, which must
// be set. It takes at most five seconds. It returns "" and logs why when the
// name can't be read. The name is short, and contains neither control
// characters nor the secrets in sent.
func (c *Connector) ReadName(ctx context.Context, user User, credential Credential, sent ...Secret) string {
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	account := new(Account)
	c.Unsaved(credential, account)
	known, err := c.server.Identity(ctx, account)
	if err != nil {
		c.log.WarnContext(ctx, c.name+": the user's name could not be read",
			"user", user.ID, "cause", redact.Text(err.Error(), sent...))
		return ""
	}
	return visibleName(known.Name, sent...)
}

// KeepName sets Name in the stored credential and in the account's copy of it,
// each only if its access token is the given one. It logs a failure.
func (a *Account) KeepName(ctx context.Context, token Secret, name string) {
	c := a.connector
	err := c.tokens.Update(ctx, c.key(a.user.ID),
		func(_ context.Context, current *Credential) (*Credential, error) {
			if current == nil || current.AccessToken != token { //lint:constanttime both are stored
				return current, nil
			}
			current.Name = name
			return current, nil
		})
	if err != nil {
		c.log.WarnContext(ctx, c.name+": the user's name could not be saved", "user", a.user.ID, "cause", err.Error())
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.credential.AccessToken == token { //lint:constanttime both are the application's own
		a.credential.Name = name
	}
}

// visibleName returns a name for storing, logging and sending. It is short,
// without secrets, and without characters that control a terminal or the
// direction of text.
func visibleName(name string, secrets ...Secret) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	return strings.TrimSpace(redact.Text(visible, secrets...))
}

// secretsOf returns the secrets of a callback and its pending connection that
// the server knows.
func secretsOf(answer url.Values, pending PendingConnection) []Secret {
	return []Secret{pending.Secret, Secret(answer.Get("state")), Secret(answer.Get("code"))}
}
