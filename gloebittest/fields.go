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

// fields is a request's body: a JSON object or a form. A JSON null or a form's
// empty value counts as missing.
type fields map[string]any

// formType is the content type of a form.
const formType = "application/x-www-form-urlencoded"

// formValue is a value of a form, which may be a number or a string.
type formValue string

// reasonMalformed is the reason for a body that is neither a JSON object nor a
// form.
const reasonMalformed = "malformed request"

// maxDepth is how deep a body's values may be nested. It is far below the limit
// of encoding/json, so all stored values can be saved and loaded.
const maxDepth = 100

// fields reads the call's body.
func (c *call) fields(forms bool) (fields, string) {
	return readFields(c.body, c.request.Header.Get("Content-Type"), forms)
}

// argument returns the path segment after the route's name or, if there is
// none, the string in the body under one of the names.
func (c *call) argument(names ...string) (value, reason string) {
	if len(c.args) == 1 {
		return c.args[0], ""
	}
	body, reason := c.fields(true)
	if reason != "" {
		return "", reason
	}
	return body.text(names...)
}

// object reads the call's body and keeps its nulls.
func (c *call) object(forms bool) (fields, string) {
	return readBody(c.body, c.request.Header.Get("Content-Type"), forms)
}

// readFields reads a body without its nulls.
func readFields(body []byte, contentType string, forms bool) (fields, string) {
	f, reason := readBody(body, contentType, forms)
	for name, value := range f {
		if value == nil {
			delete(f, name)
		}
	}
	return f, reason
}

// readBody reads a body, nulls included. It reads an object as JSON regardless
// of the content type, because published clients send any or none.
func readBody(body []byte, contentType string, forms bool) (fields, string) {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return readObject(body)
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	if forms && bytes.ContainsRune(body, '=') && (kind == "" || kind == formType) {
		return readForm(body)
	}
	return nil, reasonMalformed
}

func readObject(body []byte) (fields, string) {
	if tooDeep(body) {
		return nil, reasonMalformed
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var f fields
	if err := dec.Decode(&f); err != nil {
		return nil, reasonMalformed
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, reasonMalformed
	}
	return f, ""
}

// tooDeep reports whether JSON is nested more than maxDepth deep.
func tooDeep(text []byte) bool {
	depth, quoted, escaped := 0, false, false
	for _, b := range text {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = b == '\\', b != '"'
		case b == '"':
			quoted = true
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return false
}

func readForm(body []byte) (fields, string) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, reasonMalformed
	}
	f := make(fields, len(values))
	for name, list := range values {
		if len(list) > 1 {
			return nil, name + " is there twice"
		}
		if list[0] != "" && !strings.HasPrefix(name, "oauth_") { // OAuth 1.0a parameters are not part of the body
			f[name] = formValue(strings.ToValidUTF8(list[0], "\uFFFD"))
		}
	}
	return f, ""
}

// text returns a string that may be sent under several names. If it is sent
// under more than one, the values must be equal.
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
		if s == "" { // counts as missing
			continue
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

// label returns a string for display, under the first of the names that was
// sent. It accepts numbers.
func (f fields) label(names ...string) string {
	for _, name := range names {
		if text, ok := labelOf(f[name]); ok {
			return text
		}
	}
	return ""
}

func labelOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case formValue:
		return string(v), true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// whole returns an integer from 0 to 2^53, and whether it was sent. 40 and 40.0
// are valid; "40" is valid in a form only.
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

// truncate drops a number's fraction. A number with an exponent is not changed.
func (f fields) truncate(name string) {
	switch v := f[name].(type) {
	case json.Number:
		f[name] = json.Number(withoutFraction(v.String()))
	case formValue:
		f[name] = formValue(withoutFraction(string(v)))
	}
}

func withoutFraction(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	if !isDigits(fraction) {
		return number
	}
	return whole
}

// flag reports whether a boolean was sent and is true.
func (f fields) flag(name string) bool {
	switch v := f[name].(type) {
	case bool:
		return v
	case formValue:
		return v == "true" || v == "True" || v == "1"
	}
	return false
}

// single returns a parameter's first value and how often it was sent.
func single(values url.Values, name string) (string, int) {
	return values.Get(name), len(values[name])
}
