// Package golden holds requests and responses of the Gloebit API as the two
// documents, the later developer site and the published clients have them. They
// were written down from those sources, not from this module's client or test
// server, so both can be tested against them.
//
// Each file in the folder files is one source, and has only facts of that
// source. If a source gives only keys and types, the values in a response are
// examples of those types.
package golden

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// File is the content of one source.
type File struct {
	// Source names the source.
	Source string `json:"source"`
	// Note says which parts of the file are not from the source.
	Note string `json:"note,omitempty"`
	// Key and Secret are the application's in the requests.
	Key    string `json:"key"`
	Secret string `json:"secret"`
	// Headers are sent with every request to the API and the token endpoint, in
	// the form of the request's lines. Host and Content-Length are sent in
	// addition.
	Headers []string `json:"headers,omitempty"`
	// Dead are the reasons that tell the client that its token is unknown or
	// revoked. A Call's own list replaces it.
	Dead []string `json:"dead,omitempty"`
	// Failures are the unsuccessful responses that any call may get.
	Failures []Answer `json:"failures,omitempty"`
	Logins   []Login  `json:"logins,omitempty"`
	Calls    []Call   `json:"calls"`
}

// Login is how a client gets its token.
type Login struct {
	Name      string  `json:"name"`
	Source    string  `json:"source"`
	Authorize Request `json:"authorize"` // the browser's
	// Exchange is the request to the token endpoint. It is nil if the source
	// does not give its fields, or if the token comes with the redirect.
	Exchange *Request `json:"exchange,omitempty"`
	// CodeIsToken says that the client uses the code in the redirect's query as
	// its token.
	CodeIsToken bool `json:"code_is_token,omitempty"`
	// Reads is what the client reads from the token endpoint's response.
	Reads Keys `json:"reads,omitempty"`
}

// Call is one request to the API, or a page that a browser opens, with its
// responses.
type Call struct {
	Name   string `json:"name"`
	Source string `json:"source"` // a section of the document, or commits
	Login  string `json:"login"`  // the name of the Login whose token the call has; empty means none
	Request
	// Old says that the call is from a time when servers had other responses.
	Old bool `json:"old,omitempty"`
	// Keys are the documented keys of the request's body.
	Keys Keys     `json:"keys,omitempty"`
	Dead []string `json:"dead,omitempty"` // like File.Dead; an empty list means that none is compared
	// Reads is what the client reads from a successful response, or what the
	// document says that it contains.
	Reads Keys `json:"reads,omitempty"`
	// Answers are the responses that the source distinguishes.
	Answers []Answer `json:"answers,omitempty"`
}

// Request is an HTTP request as it is sent. Names in braces, such as {token},
// are placeholders for values that only the server knows.
type Request struct {
	Method string `json:"method"`
	// Path is percent-encoded, with all slashes that are sent.
	Path    string          `json:"path"`
	Query   string          `json:"query,omitempty"`
	Headers []string        `json:"headers,omitempty"`
	JSON    json.RawMessage `json:"json,omitempty"` // the body if it is JSON, byte for byte
	Text    string          `json:"text,omitempty"` // the body if it is not JSON
}

// Body returns the bytes of the request's body.
func (r Request) Body() string {
	if r.JSON != nil {
		return string(r.JSON)
	}
	return r.Text
}

// Answer is a response with status 200.
type Answer struct {
	Name string          `json:"name"`
	JSON json.RawMessage `json:"json"`
}

// Keys are the keys of a JSON object and their types: string, integer, number,
// boolean, object or array. A question mark after the type means that the key
// is optional.
type Keys map[string]string

// Type returns the type of a key and whether the key is optional.
func (k Keys) Type(key string) (kind string, optional bool) {
	return strings.CutSuffix(k[key], "?")
}

// Check compares a JSON object with the keys, and ignores other keys. The error
// names the first key, in alphabetical order, that is missing or has another
// type.
func (k Keys) Check(object []byte) error {
	var got map[string]json.RawMessage
	if err := json.Unmarshal(object, &got); err != nil {
		return fmt.Errorf("golden: not a JSON object: %w", err)
	}
	names := make([]string, 0, len(k))
	for name := range k {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		kind, optional := k.Type(name)
		value, sent := got[name]
		switch {
		case !sent && !optional:
			return fmt.Errorf("golden: the key %q is missing", name)
		case sent && !Is(kind, value):
			return fmt.Errorf("golden: the key %q is not a %s: %s", name, kind, value)
		}
	}
	return nil
}

// Is reports whether a JSON value has a type. An integer has no decimal point.
func Is(kind string, value json.RawMessage) bool {
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		return false
	}
	number := value[0] == '-' || value[0] >= '0' && value[0] <= '9'
	switch kind {
	case "string":
		return value[0] == '"'
	case "integer":
		return number && !bytes.ContainsAny(value, ".eE")
	case "number":
		return number
	case "boolean":
		return string(value) == "true" || string(value) == "false"
	case "object":
		return value[0] == '{'
	case "array":
		return value[0] == '['
	}
	return false
}

//go:embed files/*.json
var files embed.FS

// Names returns the names of the files, without their extension.
func Names() ([]string, error) {
	entries, err := files.ReadDir("files")
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".json")
	}
	return names, nil
}

// Load reads a file by its name. It returns an error for fields that File does
// not have.
func Load(name string) (File, error) {
	text, err := files.ReadFile("files/" + name + ".json")
	if err != nil {
		return File{}, fmt.Errorf("golden: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var f File
	if err := decoder.Decode(&f); err != nil {
		return File{}, fmt.Errorf("golden: %s: %w", name, err)
	}
	return f, nil
}

// Login returns the file's login of that name, and whether there is one.
func (f File) Login(name string) (Login, bool) {
	i := slices.IndexFunc(f.Logins, func(l Login) bool { return l.Name == name })
	if i < 0 {
		return Login{}, false
	}
	return f.Logins[i], true
}
