package gloebit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Character is a character of a user, in the application's world.
type Character struct {
	ID    string
	Name  string
	Extra Object // the application's own data for it; nil when the response has none
}

// Characters returns the user's characters. It needs ScopeCharacter and calls
// GET get-characters.
func (c *Client) Characters(ctx context.Context) ([]Character, error) {
	var answer struct {
		Characters *characterList `json:"characters"`
	}
	call := call{name: "get-characters", method: http.MethodGet, scope: ScopeCharacter, repeatable: true}
	if err := c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Characters == nil {
		return nil, call.bad("without characters")
	}
	return *answer.Characters, nil
}

// CreateCharacter creates a character with that name for the user. Extra is the
// application's own data for the character: nil, or a struct or a map that
// marshals to a JSON object without the key id. It needs ScopeCharacter and
// calls POST create-character, once.
func (c *Client) CreateCharacter(ctx context.Context, name string, extra any) (Character, error) {
	return c.putCharacter(ctx, "create-character", "", name, extra)
}

// UpdateCharacter replaces the character's name and all of its Extra; extra is
// as in [Client.CreateCharacter]. It needs ScopeCharacter and calls POST
// update-character, once.
func (c *Client) UpdateCharacter(ctx context.Context, id, name string, extra any) (Character, error) {
	if id == "" {
		return Character{}, fmt.Errorf("%w: update-character without an id", ErrInvalidRequest)
	}
	return c.putCharacter(ctx, "update-character", id, name, extra)
}

func (c *Client) putCharacter(ctx context.Context, path, id, name string, extra any) (Character, error) {
	body, err := fields(extra)
	if err != nil {
		return Character{}, err
	}
	if _, taken := body["id"]; taken || name == "" {
		return Character{}, fmt.Errorf("%w: %s needs a name, and no id among the extra keys", ErrInvalidRequest, path)
	}
	body["name"] = name
	if id != "" {
		body["id"] = id
	}
	var answer struct {
		Character *characterAnswer `json:"character"`
		ID        optionalText     `json:"id"` // in an older form
	}
	call := call{name: path, method: http.MethodPost, scope: ScopeCharacter, body: body}
	if err := c.do(ctx, call, &answer); err != nil {
		return Character{}, err
	}
	if answer.Character == nil && answer.ID.text != "" {
		answer.Character = &characterAnswer{Character{ID: answer.ID.text}}
	}
	if answer.Character == nil || id != "" && answer.Character.ID != id {
		return Character{}, call.bad("without the character")
	}
	return Character{
		ID: answer.Character.ID, Name: cmp.Or(answer.Character.Name, name), Extra: answer.Character.Extra,
	}, nil
}

// DeleteCharacter deletes the character. It needs ScopeCharacter and calls POST
// delete-character, once.
func (c *Client) DeleteCharacter(ctx context.Context, id string) error {
	if id == "" {
		return fmt.Errorf("%w: delete-character without an id", ErrInvalidRequest)
	}
	return c.do(
		ctx, call{name: "delete-character", method: http.MethodPost, scope: ScopeCharacter, body: map[string]any{"id": id}},
		nil,
	)
}

// UnmarshalJSON reads {"id": …, "name": …} and any other keys, which become
// Extra. Keys are case-sensitive: "ID" and "Name" become part of Extra.
func (c *Character) UnmarshalJSON(b []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	var read Character
	for name, value := range map[string]*string{"id": &read.ID, "name": &read.Name} {
		if field, ok := fields[name]; ok {
			if err := json.Unmarshal(field, value); err != nil {
				return err
			}
			delete(fields, name)
		}
	}
	if read.ID == "" {
		return errNoCharacterID
	}
	encoded, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	read.Extra = encoded
	*c = read
	return nil
}

// MarshalJSON writes the character as the server does.
func (c Character) MarshalJSON() ([]byte, error) {
	body, err := fields(c.Extra)
	if err != nil {
		return nil, err
	}
	body["id"], body["name"] = c.ID, c.Name
	return json.Marshal(body)
}

var errNoCharacterID = errors.New("gloebit: a character without an id")

// characterAnswer is a character or, in an older form, its bare ID.
type characterAnswer struct{ Character }

func (c *characterAnswer) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &c.ID); err != nil || c.ID == "" {
			return errNoCharacterID
		}
		return nil
	}
	return c.Character.UnmarshalJSON(b)
}

// characterList is a list of characters or, in an older form, {name: id}, which
// is read in the order of the names.
type characterList []Character

func (l *characterList) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		var byName map[string]string
		if err := json.Unmarshal(b, &byName); err != nil {
			return err
		}
		*l = characterList{}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			if byName[name] == "" {
				return errNoCharacterID
			}
			*l = append(*l, Character{ID: byName[name], Name: name})
		}
		return nil
	}
	return json.Unmarshal(b, (*[]Character)(l))
}
