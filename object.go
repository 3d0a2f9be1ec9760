package gloebit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Object is a JSON object that the application defines, as the server wrote it:
// the parameters of an item or a character. Nil means that there is none. To
// send one, pass any value that marshals to a JSON object: a struct, a map, or
// an Object.
type Object []byte

// Decode reads the object into v, as json.Unmarshal does, except that numbers
// in interface values become json.Number. A nil Object is read as {}.
func (o Object) Decode(v any) error {
	if o == nil {
		o = Object("{}")
	}
	decoder := json.NewDecoder(bytes.NewReader(o))
	decoder.UseNumber()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("gloebit: object: %w", err)
	}
	return nil
}

// String returns the object's JSON, and "{}" for a nil Object.
func (o Object) String() string {
	if o == nil {
		return "{}"
	}
	return string(o)
}

// MarshalJSON returns the object unchanged, and {} for a nil Object.
func (o Object) MarshalJSON() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalJSON stores a JSON object unchanged, and null as a nil Object. It
// returns an error for anything else.
func (o *Object) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if string(b) == "null" {
		*o = nil
		return nil
	}
	if len(b) == 0 || b[0] != '{' {
		return errors.New("gloebit: not a JSON object")
	}
	*o = bytes.Clone(b)
	return nil
}

// objectOf encodes an application's value as an object. Nil is {}.
func objectOf(v any) (Object, error) {
	if v == nil {
		return Object("{}"), nil
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	var object Object
	if err := object.UnmarshalJSON(encoded); err != nil {
		return nil, fmt.Errorf("%w: %T is not a JSON object", ErrInvalidRequest, v)
	}
	return object, nil
}

// fields returns an application's value as a body to add to.
func fields(v any) (map[string]any, error) {
	object, err := objectOf(v)
	if err != nil {
		return nil, err
	}
	body := map[string]any{}
	if err := object.Decode(&body); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	if body == nil {
		body = map[string]any{}
	}
	return body, nil
}

// putText adds a text unless it is empty.
func putText(body map[string]any, name, text string) {
	if text != "" {
		body[name] = text
	}
}
