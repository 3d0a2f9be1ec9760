// Package redact removes secrets from texts of a server before they are used in
// errors, logs and records. A server may repeat what it was sent, in any
// encoding, and package net/http quotes what it can't parse.
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

// Redacted replaces a secret.
const Redacted = "[redacted]"

const (
	shortest = 8   // bytes of a secret; a shorter one could occur in any text by chance
	longest  = 200 // bytes of the result, enough for a line of a log
	deepest  = 3   // nested escapes that are undone
)

// Text returns a text without the secrets, cut to 200 bytes. If the text holds a
// secret in an escaped form, Text returns [Redacted] alone, because it can't
// tell where that form begins and ends.
func Text[S ~string](text string, secrets ...S) string {
	text = hide(text, secrets)
	if len(text) <= longest {
		return text
	}
	text = strings.ToValidUTF8(text, string(utf8.RuneError)) // removing a byte could form a secret
	if len(text) <= longest {
		return text
	}
	end := longest
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// Repeats reports whether a text contains one of the secrets.
func Repeats[S ~string](text string, secrets ...S) bool {
	return hide(text, secrets) != text
}

func hide[S ~string](text string, secrets []S) string {
	var forms []string
	for _, secret := range secrets {
		if len(secret) >= shortest && len(secret) <= len(text) { // no encoding is shorter
			forms = append(forms, formsOf(string(secret))...)
		}
	}
	if len(forms) == 0 {
		return text
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // a form may be part of a longer one
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

// formsOf returns the encodings of a secret that unescape does not undo.
func formsOf(secret string) []string {
	forms := []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret)))}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			forms = append(forms, within(encoding, secret, before))
		}
	}
	if strings.Contains(secret, " ") {
		forms = append(forms, strings.ReplaceAll(secret, " ", "+")) // in a form body
	}
	return forms
}

// within returns the base64 of a secret after that many other bytes, without
// the characters that also encode the bytes around it.
func within(encoding *base64.Encoding, secret string, before int) string {
	encoded := encoding.EncodeToString([]byte("\x00\x00"[:before] + secret))
	encoded = encoded[(before*8+5)/6:]
	if (before+len(secret))%3 != 0 {
		encoded = encoded[:len(encoded)-1]
	}
	return encoded
}

// escape matches an escape of URLs, JSON and quoted strings.
var escape = regexp.MustCompile(`%[[:xdigit:]]{2}|\\x[[:xdigit:]]{2}|\\u[[:xdigit:]]{4}|\\.`)

// unescape undoes one layer of the escapes of URLs, JSON, quoted strings and
// HTML, whatever the text's declared type is.
func unescape(text string) string {
	if !strings.ContainsAny(text, `%\&`) {
		return text
	}
	text = escape.ReplaceAllStringFunc(text, func(found string) string {
		digits := strings.TrimLeft(found, `%\xu`)
		code, err := strconv.ParseUint(digits, 16, 16)
		switch {
		case err != nil || len(found) == 2: // an escaped character that represents itself, such as \/
			return found[1:]
		case len(digits) == 4:
			return string(utf8.AppendRune(nil, rune(code)))
		}
		return string([]byte{byte(code)})
	})
	return html.UnescapeString(text)
}
