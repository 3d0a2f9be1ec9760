package connect

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxTokenAnswer is the greatest size of a token response in bytes.
const maxTokenAnswer = 1 << 20

// unnamedError is the code of an error that is not a string.
const unnamedError = "unnamed_error"

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

// tokenAnswers is an [http.RoundTripper] that rewrites the responses of a token
// endpoint (RFC 6749 sections 5.1 and 5.2) for x/oauth2. The status stays. The
// body becomes a JSON object, which is empty if the original could not be read.
// It also adds the headers to the requests, because x/oauth2 creates a new
// request each time.
type tokenAnswers struct {
	next   http.RoundTripper
	header http.Header
}

// RoundTrip implements [http.RoundTripper]. It reads the whole body.
func (t tokenAnswers) RoundTrip(req *http.Request) (*http.Response, error) {
	complete(req, t.header)
	resp, err := t.next.RoundTrip(req)
	if err != nil || resp == nil {
		return resp, err
	}
	var body []byte
	rewritten := new(answerBody)
	if resp.Body != nil {
		rewritten.given = io.LimitedReader{R: resp.Body, N: maxTokenAnswer + 1}
		body, err = io.ReadAll(&rewritten.given)
		_ = resp.Body.Close() // the response has been read
	}
	// The connection may break after the whole object: the token is usable then,
	// and may be the only copy. A form may have lost part of its last value.
	if err != nil && !isWholeObject(body) {
		if ended := req.Context().Err(); ended != nil {
			return nil, ended
		}
		body = nil
	}
	if len(body) > maxTokenAnswer {
		body = nil
	}
	answer := canonicalAnswer(body)
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if resp.Header.Get("Content-Type") != "application/json" {
		resp.Header.Set("Content-Type", "application/json")
	}
	rewritten.Reset(answer)
	resp.Body, resp.ContentLength = rewritten, int64(len(answer))
	return resp, nil
}

// answerBody is the body of a rewritten response, allocated together with its
// data.
type answerBody struct {
	bytes.Reader
	given io.LimitedReader
}

// Close implements [io.Closer]. There is nothing to close.
func (*answerBody) Close() error { return nil }

// canonicalAnswer returns a token response as a JSON object. It ignores the
// Content-Type, because servers send JSON as text/html. A body that is neither
// JSON nor a form, or that is ambiguous, becomes {}.
func canonicalAnswer(body []byte) []byte {
	body = trimmed(body)
	answer := answerWriter{json: append(make([]byte, 0, len(body)+16), '{')}
	var ok bool
	if bytes.HasPrefix(body, []byte("{")) {
		ok = answer.addObject(body)
	} else {
		ok = answer.addForm(string(body))
	}
	if !ok {
		return []byte("{}")
	}
	return append(answer.json, '}')
}

// trimmed returns a body without a byte order mark and the white space around
// it.
func trimmed(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte(byteOrderMark)))
}

// isWholeObject reports whether a body is a JSON object from its first to its
// last brace.
func isWholeObject(body []byte) bool {
	body = trimmed(body)
	return bytes.HasPrefix(body, []byte("{")) && json.Valid(body)
}

// answerWriter writes a canonical token response. Its input values are valid
// JSON.
type answerWriter struct {
	json            []byte
	access, refresh []byte // the values of access_token and refresh_token; nil if not added yet
}

// addObject adds the members of a JSON object. It reports whether the response
// can be used.
func (a *answerWriter) addObject(object []byte) bool {
	if !json.Valid(object) {
		return false
	}
	var name, value []byte
	for rest := object[1:]; ; {
		if name, rest = nextValue(rest); len(name) == 0 {
			return true
		}
		value, rest = nextValue(rest)
		if !a.add(name, value) {
			return false
		}
	}
}

// addForm adds the parameters of a form, which servers older than RFC 6749
// send. Some of them call expires_in expires.
func (a *answerWriter) addForm(body string) bool {
	form, err := url.ParseQuery(body)
	if err != nil || !form.Has("access_token") && !form.Has("error") {
		return false
	}
	if !form.Has("expires_in") && form.Has("expires") {
		form["expires_in"] = form["expires"]
	}
	for name, values := range form {
		for _, value := range values {
			if !a.add(quoted(name), quoted(value)) {
				return false
			}
		}
	}
	return true
}

// add adds a member. It reports whether the response can be used: a token must
// not be repeated with another value, and the type must be a string. Any other
// invalid member is left out.
func (a *answerWriter) add(name, value []byte) bool {
	switch known := knownMember(name); known {
	case "access_token":
		return a.addToken(name, value, &a.access)
	case "refresh_token":
		return a.addToken(name, value, &a.refresh)
	case "token_type":
		if string(value) == "null" {
			return true
		}
		if slices.Contains(bearerTypes, textOf(value)) {
			value = quoted("Bearer")
		}
		a.addText(name, value)
		return value[0] == '"'
	case "expires_in":
		if seconds := secondsOf(value); seconds > 0 {
			a.write(name, strconv.AppendInt(nil, seconds, 10))
		}
	case "scope":
		if value[0] == '"' && !bytes.ContainsAny(value, `,\`) { // as in RFC 6749 section 3.3
			a.write(name, value)
		} else if list := scopeList(value); list != "" {
			a.write(name, quoted(list))
		}
	case "error":
		if value[0] == '"' && textOf(value) != "" {
			a.write(name, value)
		} else if !slices.Contains([]string{"null", "false", "0", `""`}, string(value)) {
			a.write(name, quoted(unnamedError))
		}
	case "error_description", "error_uri":
		a.addText(name, value)
	case "": // a member that the RFC does not define
		if value[0] == '-' || value[0] >= '0' && value[0] <= '9' { // an ID, whose digits a float64 would lose
			value = quoted(string(value))
		}
		a.write(name, value)
	}
	return true
}

// addToken adds a token if it is a string. If the token was added before, it
// reports whether the values are equal.
func (a *answerWriter) addToken(name, value []byte, before *[]byte) bool {
	if *before != nil {
		return bytes.Equal(*before, value) || value[0] == '"' && (*before)[0] == '"' && textOf(*before) == textOf(value)
	}
	*before = value
	a.addText(name, value)
	return true
}

// addText adds a member if it is a string.
func (a *answerWriter) addText(name, value []byte) {
	if value[0] == '"' {
		a.write(name, value)
	}
}

func (a *answerWriter) write(name, value []byte) {
	if len(a.json) > 1 {
		a.json = append(a.json, ',')
	}
	a.json = append(append(append(a.json, name...), ':'), value...)
}

// members are the members of RFC 6749 sections 5.1 and 5.2.
var members = [...]string{
	"access_token", "token_type", "expires_in", "refresh_token", "scope", "error", "error_description", "error_uri",
}

// bearerTypes are the types under which Apigee, Slack and eBay issue bearer
// tokens.
var bearerTypes = []string{"BearerToken", "bot", "user", "User Access Token"}

// knownMember returns the member with a name, "" for an unknown name, and
// "other" for a known name in another case, which encoding/json would treat as
// the known one.
func knownMember(name []byte) string {
	text := string(name[1 : len(name)-1])
	if strings.Contains(text, `\`) {
		text = textOf(name)
	}
	for _, known := range members {
		switch {
		case text == known:
			return known
		case strings.EqualFold(text, known):
			return "other"
		}
	}
	return ""
}

// secondsOf converts a number of seconds, or a string with one, to whole
// seconds. It returns at most math.MaxInt32, which is 68 years, and 0 for an
// invalid value.
func secondsOf(value []byte) int64 {
	text := string(value)
	if value[0] == '"' {
		text = strings.TrimSpace(textOf(value))
	}
	if strings.Trim(text, "0123456789.eE+-") != "" { // strconv also reads Inf and hexadecimal numbers
		return 0
	}
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case seconds >= math.MaxInt32: // includes a number out of range, which is infinite and an error
		return math.MaxInt32
	case err != nil:
		return 0
	}
	return int64(max(seconds, 0))
}

// scopeList returns the scopes in a string, or in an array of strings,
// separated by spaces. Commas separate scopes, too: GitHub, Slack and Shopify
// send them.
func scopeList(value []byte) string {
	var list any
	_ = json.Unmarshal(value, &list) // value is valid JSON
	lists, ok := list.([]any)
	if !ok {
		lists = []any{list}
	}
	separates := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	var names []string
	for _, list := range lists {
		if text, ok := list.(string); ok {
			names = append(names, strings.FieldsFunc(text, separates)...)
		}
	}
	return strings.Join(names, " ")
}

// nextValue returns the first value in a part of valid JSON, unchanged, and the
// rest. The value is empty at the end of the object.
func nextValue(part []byte) (value, rest []byte) {
	part = bytes.TrimLeft(part, " \t\r\n,:")
	depth, inText := 0, false
	for i := 0; i < len(part); i++ {
		switch c := part[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			if inText = !inText; !inText && depth == 0 {
				return part[:i+1], part[i+1:]
			}
		case inText:
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			switch depth--; depth {
			case -1:
				return part[:i], part[i:]
			case 0:
				return part[:i+1], part[i+1:]
			}
		case depth == 0 && strings.IndexByte(" \t\r\n,", c) >= 0:
			return part[:i], part[i:]
		}
	}
	return part, nil
}

// textOf returns the string in a JSON string, and "" for any other value.
func textOf(value []byte) string {
	var text string
	_ = json.Unmarshal(value, &text) // other values leave it empty
	return text
}

func quoted(text string) []byte {
	value, _ := json.Marshal(text) // a string can always be encoded
	return value
}
