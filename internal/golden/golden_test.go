package golden_test

import (
	"encoding/json"
	"testing"

	"github.com/go-gloebit/gloebit/internal/golden"
	"github.com/stretchr/testify/require"
)

func TestFiles(t *testing.T) {
	names, err := golden.Names()
	require.NoError(t, err)
	require.Equal(t, []string{"document", "haxe", "opensim", "php", "python", "site", "unity"}, names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			f, err := golden.Load(name)
			require.NoError(t, err)
			require.NotEmpty(t, f.Source)
			seen := make(map[string]bool)
			for _, call := range f.Calls {
				require.False(t, seen[call.Name], "%s is there twice", call.Name)
				seen[call.Name] = true
				_, known := f.Login(call.Login)
				require.True(t, known || call.Login == "", "%s: login %q", call.Name, call.Login)
				require.NotEmpty(t, call.Source, call.Name)
				require.Regexp(t, "^(GET|POST|PUT)$", call.Method, call.Name)
				require.Regexp(t, "^/", call.Path, call.Name)
				require.False(t, call.JSON != nil && call.Text != "", call.Name)
				for _, answer := range call.Answers {
					keys := golden.Keys{"success": "boolean"}
					require.NoError(t, keys.Check(answer.JSON), "%s: %s", call.Name, answer.Name)
				}
			}
		})
	}
	_, err = golden.Load("none")
	require.ErrorContains(t, err, "golden")
}

func TestDocumentExample(t *testing.T) {
	f, err := golden.Load("document")
	require.NoError(t, err)
	const example = `{"version": 1, "id": "ec8d8f47-2648-4378-8734-bba45852a60f", "request-created": 1399828892, ` +
		`"product": "green-hat", "gloebit-balance-change": 40, "consumer-key": "7f6bebb4-6ac9-4eb3-b7ad-ea847f2dc54d", ` +
		`"merchant-user-id": "whatever my game knows this user as." }`
	for _, call := range f.Calls {
		require.NoError(t, call.Keys.Check([]byte(orEmpty(call.JSON))), call.Name)
		for _, answer := range call.Answers {
			require.NoError(t, call.Reads.Check(answer.JSON), "%s: %s", call.Name, answer.Name)
		}
		if call.Name == "transact" {
			require.Equal(t, example, call.Body())
		}
	}
}

func orEmpty(object json.RawMessage) string {
	if object == nil {
		return "{}"
	}
	return string(object)
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		kind, value string
		want        string // part of the error; empty means none
	}{
		"a string":               {"string", `"a"`, ""},
		"an integer":             {"integer", `-7`, ""},
		"an integer with a dot":  {"integer", `2.0`, `"key" is not a integer`},
		"an exponent":            {"integer", `2e0`, `"key" is not a integer`},
		"a fraction":             {"number", `2.5`, ""},
		"a number as text":       {"number", `"2"`, `"key" is not a number`},
		"a boolean":              {"boolean", `false`, ""},
		"null":                   {"boolean", `null`, `"key" is not a boolean`},
		"an object":              {"object", `{}`, ""},
		"an array":               {"array", `[]`, ""},
		"an array for an object": {"object", `[]`, `"key" is not a object`},
		"optional of another":    {"string?", `7`, `"key" is not a string`},
		"an unknown type":        {"text", `"a"`, `"key" is not a text`},
	} {
		t.Run(name, func(t *testing.T) {
			err := golden.Keys{"key": test.kind}.Check([]byte(`{"key":` + test.value + `}`))
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
	require.ErrorContains(t, golden.Keys{"key": "string"}.Check([]byte(`{}`)), `"key" is missing`)
	require.NoError(t, golden.Keys{"key": "string?"}.Check([]byte(`{}`)))
	require.ErrorContains(t, golden.Keys{}.Check([]byte(`[]`)), "not a JSON object")
}
