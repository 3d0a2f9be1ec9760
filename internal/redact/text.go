// Package redact removes secrets from the texts of a server, before they go
// into errors, logs and records. A server may repeat what it was sent, in any
// encoding, and package net/http quotes what it can't read.
package redact

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

const (
	shortest = 8   // bytes of a secret: a shorter one would be met in any text
	longest  = 200 // bytes of what is left of a text: enough for a line of a log
	deepest  = 3   // how often a text may have been escaped
)

// Text returns a text without the secrets, cut to 200 bytes. If the text holds a
// secret in an escaped form, Text returns [Redacted] alone, because it can't
// tell where that form begins and ends.
func Text[S ~string](text string, secrets ...S) string {
	text = hide(text, secrets)
	if len(text) <= longest {
		return text
	}
	text = strings.ToValidUTF8(text, string(utf8.RuneError)) // without anything there, what a bad byte parts would be one
	if len(text) <= longest {
		return text
	}
	end := longest
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// Repeats reports whether a text has one of the secrets in it.
func Repeats[S ~string](text string, secrets ...S) bool {
	return hide(text, secrets) != text
}

func hide[S ~string](text string, secrets []S) string {
	var forms []string
	for _, secret := range secrets {
		if len(secret) >= shortest && len(secret) <= len(text) { // no form is shorter
			forms = append(forms, formsOf(string(secret))...)
		}
	}
	if len(forms) == 0 {
		return text
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // one may be part of another
	for _, form := range forms {
		text = strings.ReplaceAll(text, form, Redacted)
	}
	plain := text
	for range deepest {
		if plain = unescape(plain); slices.ContainsFunc(
			forms, func(form string) bool { return strings.Contains(plain, form) },
		) {
			return Redacted
		}
	}
	return text
}

// formsOf are the ways of writing a secret that no escape tells of.
func formsOf(secret string) []string {
	forms := []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret)))}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			forms = append(forms, within(encoding, secret, before))
		}
	}
	if strings.Contains(secret, " ") {
		forms = append(forms, strings.ReplaceAll(secret, " ", "+")) // of a form, once the rest is unescaped
	}
	return forms
}

// within is the base64 of a secret that stands behind that many other bytes, less
// the characters that it shares with what is around it.
func within(encoding *base64.Encoding, secret string, before int) string {
	encoded := encoding.EncodeToString([]byte("\x00\x00"[:before] + secret))
	encoded = encoded[(before*8+5)/6:]
	if (before+len(secret))%3 != 0 {
		encoded = encoded[:len(encoded)-1]
	}
	return encoded
}

// escape is what URLs, JSON and quoted strings put in the place of a byte or a
// character.
var escape = regexp.MustCompile(`%[[:xdigit:]]{2}|\\x[[:xdigit:]]{2}|\\u[[:xdigit:]]{4}|\\.`)

// unescape undoes one layer of the escapes of URLs, JSON, quoted strings and HTML,
// whatever is said of a text's form.
func unescape(text string) string {
	if !strings.ContainsAny(text, `%\&`) {
		return text
	}
	text = escape.ReplaceAllStringFunc(text, func(found string) string {
		digits := strings.TrimLeft(found, `%\xu`)
		code, err := strconv.ParseUint(digits, 16, 16)
		switch {
		case err != nil || len(found) == 2: // a character that stands for itself, such as \/
			return found[1:]
		case len(digits) == 4:
			return string(utf8.AppendRune(nil, rune(code)))
		}
		return string([]byte{byte(code)})
	})
	return html.UnescapeString(text)
}
