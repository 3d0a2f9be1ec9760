package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// create makes a character and returns its id.
func (w *world) create(token, body string) string {
	w.t.Helper()
	got := w.post("create-character", token, body)
	require.Equal(w.t, true, got.json["success"], got.text)
	return got.json["character"].(map[string]any)["id"].(string)
}

func TestCharacters(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("character")
	require.Equal(t, []any{}, w.get("get-characters", token).json["characters"])

	body := `{"name":"Ogre","level":9007199254740993,"pi":3.14150,"hat":null,"bag":{"gold":[1e3,null]},"id":null}`
	got := w.post("create-character", token, body)
	ogre := got.json["character"].(map[string]any)
	require.Len(t, ogre["id"], 36)
	want := map[string]any{
		"id": ogre["id"], "name": "Ogre", "level": json.Number("9007199254740993"), "pi": json.Number("3.14150"),
		"hat": nil, "bag": map[string]any{"gold": []any{json.Number("1e3"), nil}},
	}
	require.Equal(t, want, ogre)
	elf := w.create(token, `{"name":"Elf"}`)
	list := w.get("get-characters", token).json["characters"]
	require.Equal(t, []any{want, map[string]any{"id": elf, "name": "Elf"}}, list)

	update := w.post("update-character", token, `{"id":"`+elf+`","name":"Elf II","bow":true}`)
	require.Equal(t, map[string]any{"id": elf, "name": "Elf II", "bow": true}, update.json["character"])
	update = w.post("update_character", token, `{"id":"`+elf+`","name":"Elf III"}`)
	require.Equal(t, map[string]any{"id": elf, "name": "Elf III"}, update.json["character"], "omitted fields are removed")

	seen := w.server.Characters("alice")
	require.Equal(t, gloebittest.Character{ID: elf, Name: "Elf III", Extra: json.RawMessage(`{}`)}, seen[1])
	seen[0].Extra[0] = 'x'
	require.Equal(t, byte('{'), w.server.Characters("alice")[0].Extra[0], "a copy is returned")
	require.Empty(t, w.server.Characters("bob"))
	require.Empty(t, w.server.Characters("unknown"))

	require.Equal(t, true, w.post("delete-character", token, `{"id":"`+elf+`"}`).json["success"])
	require.Equal(t, true, w.get("delete-character/"+ogre["id"].(string)+"/", token).json["success"])
	require.Empty(t, w.server.Characters("alice"))
}

func TestACharacterFromAForm(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	r := w.request(http.MethodPost, "create-character", w.token("character"), "name=Ogre&hair=green&oauth_nonce=1")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w.do(r)
	require.JSONEq(t, `{"hair":"green"}`, string(w.server.Characters("alice")[0].Extra))
}

func TestCharactersRefuse(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("character")
	ogre := w.create(token, `{"name":"Ogre"}`)
	bobs, err := w.server.IssueToken(w.app.Key, "bob", "character")
	require.NoError(t, err)
	theirs := w.create(bobs, `{"name":"Bob's"}`)
	tests := map[string]struct{ path, body, reason string }{
		"a character without a name":   {"create-character", `{}`, "invalid name"},
		"a name that is no text":       {"create-character", `{"name":1}`, "invalid name"},
		"an empty name":                {"create-character", `{"name":""}`, "invalid name"},
		"an id of the caller's choice": {"create-character", `{"name":"x","id":"` + ogre + `"}`, "invalid id"},
		"no object":                    {"create-character", `["x"]`, "malformed request"},
		"half an object":               {"create-character", `{"name":"x"`, "malformed request"},
		"two objects":                  {"create-character", `{"name":"x"}{}`, "malformed request"},
		"an object nested too deep": {
			"create-character", `{"name":"x","y":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
			"malformed request",
		},
		"nothing":                          {"create-character", ``, "malformed request"},
		"an update without a name":         {"update-character", `{"id":"` + ogre + `"}`, "invalid name"},
		"an update without an id":          {"update-character", `{"name":"x"}`, "unknown character"},
		"an update of an unknown one":      {"update-character", `{"name":"x","id":"y"}`, "unknown character"},
		"an update of another user's":      {"update-character", `{"name":"x","id":"` + theirs + `"}`, "unknown character"},
		"an update by an id of no text":    {"update-character", `{"name":"x","id":1}`, "invalid id"},
		"the deletion of an unknown one":   {"delete-character", `{"id":"y"}`, "unknown character"},
		"the deletion of another user's":   {"delete-character", `{"id":"` + theirs + `"}`, "unknown character"},
		"the deletion of none":             {"delete-character", `{}`, "unknown character"},
		"the deletion by an id of no text": {"delete-character", `{"id":1}`, "invalid id"},
		"the deletion without a body":      {"delete-character", ``, "malformed request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := w.post(test.path, token, test.body)
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, false, got.json["success"])
			require.Equal(t, test.reason, got.json["reason"])
			require.Len(t, w.server.Characters("alice"), 1)
			require.Equal(t, "Ogre", w.server.Characters("alice")[0].Name)
			require.Len(t, w.server.Characters("bob"), 1)
		})
	}
	require.Equal(t, "unknown character", w.get("delete-character/"+theirs, token).json["reason"])
	require.Equal(t, "malformed request", w.get("delete-character", token).json["reason"])
}

func TestNestingIgnoresBracketsInStrings(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	deep := strings.Repeat("[", 99) + strings.Repeat("]", 99)
	w.create(w.token("character"), `{"name":"`+strings.Repeat(`[{\"`, 2000)+`","y":`+deep+`}`)
	w = w.in(gloebittest.Config{})
	require.Contains(t, string(w.server.Characters("alice")[0].Extra), deep, "saved and loaded")
}
