package gloebittest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// reasonUnknownCharacter is the reason for a character that the user doesn't
// have.
const reasonUnknownCharacter = "unknown character"

// Character is one of a user's characters.
type Character struct {
	ID   string // a UUID, chosen by the Gloebit
	Name string
	// Extra is a JSON object with the other fields that were sent. Numbers keep
	// their digits.
	Extra json.RawMessage
}

// character is a stored Character.
type character struct {
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Extra json.RawMessage `json:"extra,omitempty"`
	Owned possessions     `json:"owned,omitempty"`
}

// Characters returns the user's characters in the order of their creation.
func (g *Gloebit) Characters(user string) []Character {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.user(user)
	if a == nil {
		return nil
	}
	list := make([]Character, 0, len(a.characters))
	for _, c := range a.characters {
		list = append(list, Character{ID: c.ID, Name: c.Name, Extra: slices.Clone(c.Extra)})
	}
	return list
}

// CharacterProducts returns how many of each of the application's products the
// character owns. Products of queued transactions are not included.
func (g *Gloebit) CharacterProducts(appKey, characterID string) map[string]int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.users {
		if c := a.character(characterID); c != nil {
			return c.Owned.of(appKey)
		}
	}
	return map[string]int64{}
}

// character returns the user's character with the ID, or nil. The caller holds
// g.mu.
func (a *account) character(id string) *character {
	for _, c := range a.characters {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// getCharacters serves get-characters. The answer is a list; with
// Config.OldForms, an object of IDs by name.
func (g *Gloebit) getCharacters(c *call) reply {
	answer := success()
	if g.cfg.OldForms {
		byName := make(map[string]string)
		for _, character := range c.user.characters {
			byName[character.Name] = character.ID
		}
		answer["characters"] = byName
		return answer
	}
	list := make([]any, 0, len(c.user.characters))
	for _, character := range c.user.characters {
		list = append(list, character.object())
	}
	answer["characters"] = list
	return answer
}

// createCharacter serves create-character. The request can't choose the ID.
func (g *Gloebit) createCharacter(c *call) reply {
	sent, reason := readCharacter(c)
	switch {
	case reason != "":
		return failure(reason)
	case sent.ID != "":
		return failure("invalid id")
	}
	sent.ID = uuid.NewString()
	c.user.characters = append(c.user.characters, sent)
	return g.characterReply(sent)
}

// updateCharacter serves update-character and update_character. It replaces the
// name and the other fields; the character keeps its products. With
// Config.OldForms a request without an ID creates a character.
func (g *Gloebit) updateCharacter(c *call) reply {
	sent, reason := readCharacter(c)
	if reason != "" {
		return failure(reason)
	}
	if sent.ID == "" && g.cfg.OldForms {
		return g.createCharacter(c)
	}
	kept := c.user.character(sent.ID)
	if kept == nil {
		return failure(reasonUnknownCharacter)
	}
	kept.Name, kept.Extra = sent.Name, sent.Extra
	return g.characterReply(kept)
}

// deleteCharacter serves delete-character, with the ID in the body or the path.
// The character's products are deleted, too.
func (g *Gloebit) deleteCharacter(c *call) reply {
	id, reason := c.argument("id")
	if reason != "" {
		return failure(reason)
	}
	before := len(c.user.characters)
	c.user.characters = slices.DeleteFunc(c.user.characters, func(c *character) bool { return c.ID == id })
	if len(c.user.characters) == before {
		return failure(reasonUnknownCharacter)
	}
	g.revision++ // work counts no revision for a GET
	return success()
}

// readCharacter reads a body: id, name and any other fields.
func readCharacter(c *call) (*character, string) {
	body, reason := c.object(true)
	if reason != "" {
		return nil, reason
	}
	sent := &character{Owned: make(possessions)}
	for name, target := range map[string]*string{"id": &sent.ID, "name": &sent.Name} {
		if body[name] == nil {
			continue // null counts as missing
		}
		if *target, reason = body.text(name); reason != "" {
			return nil, reason
		}
	}
	if sent.Name == "" {
		return nil, "invalid name"
	}
	delete(body, "id")
	delete(body, "name")
	extra, err := json.Marshal(body)
	if err != nil {
		return nil, reasonMalformed
	}
	sent.Extra = extra
	return sent, ""
}

// characterReply is the answer with a character. With Config.OldForms it is the
// bare ID, which some published clients read as id.
func (g *Gloebit) characterReply(c *character) reply {
	answer := success()
	answer["character"] = c.object()
	if g.cfg.OldForms {
		answer["character"], answer["id"] = c.ID, c.ID
	}
	return answer
}

// object returns the character as one JSON object.
func (c *character) object() map[string]any {
	object := decodeParams(c.Extra)
	object["id"], object["name"] = c.ID, c.Name
	return object
}

// adoptCharacters restores saved characters.
func (a *account) adoptCharacters(list []*character) error {
	for _, c := range list {
		if c == nil || c.ID == "" {
			return fmt.Errorf("a character of %q has no id", a.name)
		}
		if a.character(c.ID) != nil {
			return fmt.Errorf("a character of %q is there twice", a.name)
		}
		extra, err := compactObject(c.Extra)
		if err != nil {
			return fmt.Errorf("character %q: %w", c.ID, err)
		}
		kept := &character{ID: c.ID, Name: c.Name, Extra: extra, Owned: make(possessions)}
		kept.Owned.adopt(c.Owned)
		a.characters = append(a.characters, kept)
	}
	return nil
}
