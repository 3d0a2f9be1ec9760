package gloebit

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/redact"
)

// Identity is a user's identity at Gloebit.
type Identity struct {
	ID     string // the user's ID or, from GET id, the ID of the character that the user chose: a UUID
	Name   string
	Params Object // the application's data for the character; nil if there is none
}

// Identity returns the user's identity at Gloebit. It needs ScopeID, ScopeUser
// or ScopeIdentity. It calls GET id with VersionA and GET user with VersionB.
// With BothVersions it calls GET id if [Client.Scopes] lists ScopeID, else GET
// user.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	path, scope := "user", ScopeUser
	version := c.merchant.provider.APIVersion
	if version == VersionA || version == BothVersions && slices.Contains(c.account.Credential().Scopes, ScopeID) {
		path, scope = "id", ScopeID
	}
	var answer struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		FullName string `json:"full-name"`
		Params   Object `json:"params"`
	}
	var sent connect.Credential
	if err := c.do(
		ctx, call{
			name: path, method: http.MethodGet, scope: scope, repeatable: true, sent: &sent, bare: scope == ScopeID,
		}, &answer,
	); err != nil {
		return Identity{}, err
	}
	if (connect.Key{Realm: c.merchant.Realm(), ID: answer.ID}).Check() != nil {
		return Identity{}, badReply(path, "without an id of 1 to 255 bytes of text")
	}
	name := cmp.Or(answer.Name, answer.FullName)
	if secrets := c.secrets(&sent); redact.Repeats(answer.ID, secrets...) || redact.Repeats(name, secrets...) {
		return Identity{}, badReply(path, "an id or a name that repeats a secret") // both are stored, shown and logged
	}
	return Identity{ID: answer.ID, Name: name, Params: answer.Params}, nil
}

// VerifyToken asks Gloebit whether the token is still valid. If it is not, the
// error is ErrNotConnected. It needs no scope and calls GET no-op.
func (c *Client) VerifyToken(ctx context.Context) error {
	return c.do(ctx, call{name: "no-op", method: http.MethodGet, repeatable: true}, nil)
}
