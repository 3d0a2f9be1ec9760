package gloebit

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
)

// Identity is who a user is at Gloebit.
type Identity struct {
	ID   string // the user's id, or with the scope id that of the character they chose: a UUID
	Name string
	// Params is what the application keeps with the character. Numbers are of
	// type json.Number. Nil when there is none.
	Params map[string]any
}

// Identity returns who the user is. It needs one of the identity scopes and
// calls GET id when the user granted ScopeID, else GET user.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	path, scope := "user", ScopeUser
	if slices.Contains(c.current().Scopes, ScopeID) {
		path, scope = "id", ScopeID
	}
	var answer struct {
		ID       string          `json:"id"`
		Name     string          `json:"name"`
		FullName string          `json:"full-name"`
		Params   json.RawMessage `json:"params"`
	}
	if err := c.do(ctx, call{name: path, method: http.MethodGet, scope: scope, repeatable: true}, &answer); err != nil {
		return Identity{}, err
	}
	identity := Identity{ID: answer.ID, Name: orDefault(answer.Name, answer.FullName)}
	if identity.ID == "" {
		return Identity{}, badReply(path, "without id")
	}
	if answer.Params != nil {
		decoder := json.NewDecoder(bytes.NewReader(answer.Params))
		decoder.UseNumber()
		if err := decoder.Decode(&identity.Params); err != nil {
			return Identity{}, badReply(path, "params is not an object")
		}
	}
	return identity, nil
}

// VerifyToken asks whether the token is still good. No scope is needed. The
// error is ErrNotConnected when it is not. It calls GET no-op.
func (c *Client) VerifyToken(ctx context.Context) error {
	return c.do(ctx, call{name: "no-op", method: http.MethodGet, repeatable: true}, nil)
}
