package gloebittest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// reasonUnknownCharacter is the answer to a character that is not the user's.
const reasonUnknownCharacter = "unknown character"

// Character is one of a user's characters.
type Character struct {
	ID   string // a UUID, made here
	Name string
	// Extra is a JSON object with everything else that was sent with it, its
	// numbers digit by digit as they were sent.
	Extra json.RawMessage
}

// character is a Character as it is kept.
type character struct {
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Extra json.RawMessage `json:"extra,omitempty"`
	Owned possessions     `json:"owned,omitempty"`
}

// Characters returns the user's characters, in the order they were created.
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

// CharacterProducts returns what the character owns of the application's
// products. Products whose transaction is still queued are not in it.
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

// character finds one of the user's characters. The caller holds g.mu.
func (a *account) character(id string) *character {
	for _, c := range a.characters {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// getCharacters serves get-characters: a list, or in the older form an object
// of ids by name.
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

// createCharacter serves create-character. The id is Gloebit's to choose.
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

// updateCharacter serves update-character and update_character: it replaces
// the name and everything beside it. What the character owns stays. With
// Config.OldForms it also makes a character if no id is sent.
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

// deleteCharacter serves delete-character, with the id in the body or in the
// path. What the character owns goes with it.
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
	g.revision++ // a GET does this too
	return success()
}

// readCharacter reads a body: id, name and anything else.
func readCharacter(c *call) (*character, string) {
	body, reason := c.object(true)
	if reason != "" {
		return nil, reason
	}
	sent := &character{Owned: make(possessions)}
	for name, target := range map[string]*string{"id": &sent.ID, "name": &sent.Name} {
		if body[name] == nil {
			continue // null is as if it were not there
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

// characterReply answers with a character, or in the older form its bare id,
// which some published clients read as id.
func (g *Gloebit) characterReply(c *character) reply {
	answer := success()
	answer["character"] = c.object()
	if g.cfg.OldForms {
		answer["character"], answer["id"] = c.ID, c.ID
	}
	return answer
}

// object is the character as one JSON object.
func (c *character) object() map[string]any {
	object := decodeParams(c.Extra)
	object["id"], object["name"] = c.ID, c.Name
	return object
}

// adoptCharacters takes over what was saved.
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
