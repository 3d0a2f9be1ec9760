package leaktest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// form is one encoding of a secret.
type form struct{ name, text string }

// forms returns the encodings of a secret to search for.
func forms(secret string) []form {
	bytes := []byte(secret)
	escaped, _ := json.Marshal(secret) // never fails for a string
	all := []form{
		{"as it is", secret},
		{"in a query", url.QueryEscape(secret)},
		{"in a path", url.PathEscape(secret)},
		{"in JSON", strings.Trim(string(escaped), `"`)},
		{"in HTML", html.EscapeString(secret)},
		{"quoted", strings.Trim(strconv.Quote(secret), `"`)},
		{"in ASCII", strings.Trim(strconv.QuoteToASCII(secret), `"`)},
		{"in hexadecimal", hex.EncodeToString(bytes)},
		{"in hexadecimal", strings.ToUpper(hex.EncodeToString(bytes))},
		{"as numbers", strings.Trim(fmt.Sprint(bytes), "[]")},
		{"as Go's bytes", strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", bytes), "[]byte{"), "}")},
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			all = append(all, form{"in base64", within(encoding, bytes, before)})
		}
	}
	var distinct []form
	known := make(map[string]bool)
	for _, f := range all {
		if !known[f.text] {
			known[f.text] = true
			distinct = append(distinct, f)
		}
	}
	return distinct
}

// within returns the base64 of a secret after that many other bytes and before
// others, without the characters that also encode these bytes.
func within(encoding *base64.Encoding, secret []byte, before int) string {
	encoded := encoding.EncodeToString(append(make([]byte, before), secret...))
	encoded = encoded[(before*8+5)/6:]
	if (before+len(secret))%3 != 0 {
		encoded = encoded[:len(encoded)-1]
	}
	return encoded
}
