package gloebittest

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/url"
	"strconv"
	"strings"
)

// fields is a request's body: a JSON object or a form. Nulls, and a form's
// empty values, are as if they were not there.
type fields map[string]any

// formValue is a value from a form, where numbers and texts look alike.
type formValue string

// readFields reads a body. Published clients send JSON with any content type
// or none, so an object is taken for one whatever it says it is.
func readFields(body []byte, contentType string, forms bool) (fields, string) {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return readObject(body)
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	if forms && bytes.ContainsRune(body, '=') && (kind == "" || kind == "application/x-www-form-urlencoded") {
		return readForm(body)
	}
	return nil, "malformed request"
}

func readObject(body []byte) (fields, string) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var f fields
	if err := dec.Decode(&f); err != nil {
		return nil, "malformed request"
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, "malformed request"
	}
	for name, value := range f {
		if value == nil {
			delete(f, name)
		}
	}
	return f, ""
}

func readForm(body []byte) (fields, string) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, "malformed request"
	}
	f := make(fields, len(values))
	for name, list := range values {
		if len(list) > 1 {
			return nil, name + " is there twice"
		}
		if list[0] != "" {
			f[name] = formValue(strings.ToValidUTF8(list[0], "\uFFFD"))
		}
	}
	return f, ""
}

// text returns a text that may go under several names. If more than one of
// them is there, they must say the same.
func (f fields) text(names ...string) (value, reason string) {
	found := false
	for _, name := range names {
		raw, ok := f[name]
		if !ok {
			continue
		}
		s, ok := asText(raw)
		if !ok {
			return "", "invalid " + name
		}
		if found && s != value {
			return "", strings.Join(names, " and ") + " differ"
		}
		value, found = s, true
	}
	return value, ""
}

func asText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case formValue:
		return string(v), true
	}
	return "", false
}

// label returns a text that is only for display, under the first of its names
// that is there. Numbers will do.
func (f fields) label(names ...string) string {
	for _, name := range names {
		switch v := f[name].(type) {
		case string:
			return v
		case formValue:
			return string(v)
		case json.Number:
			return v.String()
		}
	}
	return ""
}

// whole returns a whole number that is not negative and at most 2^53, and
// whether it was sent. 40 and 40.0 are whole; "40" is, in a form only.
func (f fields) whole(name string) (n int64, sent bool, reason string) {
	raw, ok := f[name]
	if !ok {
		return 0, false, ""
	}
	var text string
	switch v := raw.(type) {
	case json.Number:
		text = v.String()
	case formValue:
		text = string(v)
	default:
		return 0, true, "invalid " + name
	}
	digits, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !isDigits(digits) || strings.Trim(fraction, "0") != "" || n > maxAmount {
		return 0, true, "invalid " + name
	}
	return n, true, ""
}

// flag returns whether a boolean is there and true.
func (f fields) flag(name string) bool {
	switch v := f[name].(type) {
	case bool:
		return v
	case formValue:
		return v == "true" || v == "True" || v == "1"
	}
	return false
}
