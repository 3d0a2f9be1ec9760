package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/go-gloebit/gloebit/internal/redact"
	"github.com/stretchr/testify/require"
)

const secret = `s3cret/with+all "kinds" <of>&é=`

func inJSON(text string) string {
	encoded, _ := json.Marshal(text) // a string never fails
	return strings.Trim(string(encoded), `"`)
}

func TestSecretIsRedactedInEveryEncoding(t *testing.T) {
	for name, said := range map[string]string{
		"as it is":                secret,
		"in a query":              url.QueryEscape(secret),
		"in a query, small":       "s3cret%2fwith%2ball+%22kinds%22+%3cof%3e%26%c3%a9%3d",
		"in a query, in part":     strings.ReplaceAll(secret, "/", "%2F"),
		"in a query of a query":   url.QueryEscape(url.QueryEscape(secret)),
		"in a query, thrice":      url.QueryEscape(url.QueryEscape(url.QueryEscape(secret))),
		"in a path":               url.PathEscape(secret),
		"in JSON":                 inJSON(secret),
		"in JSON of JSON":         inJSON(inJSON(secret)),
		"in JSON of PHP":          strings.ReplaceAll(inJSON(secret), "/", `\/`),
		"in JSON without a sign":  strings.ReplaceAll(inJSON(secret), "=", `\u003d`),
		"in HTML":                 html.EscapeString(secret),
		"quoted":                  fmt.Sprintf("%q", secret),
		"quoted in ASCII":         fmt.Sprintf("%+q", secret),
		"in hexadecimal":          hex.EncodeToString([]byte("x" + secret + "y")),
		"in large hexadecimal":    fmt.Sprintf("%X", secret),
		"in base64":               base64.StdEncoding.EncodeToString([]byte(secret)),
		"in base64 behind one":    base64.StdEncoding.EncodeToString([]byte("x" + secret + "yz")),
		"in base64 behind two":    base64.URLEncoding.EncodeToString([]byte("id" + secret + "y")),
		"in base64 behind three":  base64.URLEncoding.EncodeToString([]byte("id:" + secret)),
		"in base64, in a query":   url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("id:" + secret))),
		"beside another":          "hunter2-hunter2 " + secret,
		"in a text that is long":  strings.Repeat("x", 150) + secret + strings.Repeat("y", 1000),
		"more often than it fits": strings.Repeat(secret+"&", 100),
	} {
		t.Run(name, func(t *testing.T) {
			shown := redact.Text("no such token: "+said+".", secret, "hunter2-hunter2")
			require.NotContains(t, shown, "hunter2")
			require.Contains(t, shown, "[r")
			require.LessOrEqual(t, len(shown), 200)
			require.True(t, redact.Repeats(said, secret))
			var watch leaktest.Witness
			watch.Secret("secret", secret)
			watch.Saw("error", shown)
			watch.Wants(t, leaktest.Table{"secret": nil})
		})
	}
}

func TestOtherTextIsKept(t *testing.T) {
	for name, c := range map[string]struct{ said, want string }{
		"words":                {"insufficient balance", "insufficient balance"},
		"nothing":              {"", ""},
		"text around a secret": {"the token canary-token is bad", "the token [redacted] is bad"},
		"escapes without a secret": {
			`100%25 of C:\users &amp; \u00e9, long enough`, `100%25 of C:\users &amp; \u00e9, long enough`,
		},
		"an invalid escape":           {`50% off \`, `50% off \`},
		"too short":                   {"a short text", "a short text"},
		"a secret that begins so too": {"canary-token-2 and canary-token", "[redacted] and [redacted]"},
		"the start of a long text":    {strings.Repeat("é", 150), strings.Repeat("é", 100)},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, redact.Text(c.said, "canary-token", "canary-token-2", "short", ""))
		})
	}
	require.False(t, redact.Repeats(strings.Repeat("é", 150), "canary-token"))
}

func FuzzText(f *testing.F) {
	f.Add(`%5c/ \u00`, "canary-token", "")
	f.Add(`&#x2f;`, "a\\b\\c\\d\\e", `%`)
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		if len(secret) < 8 || strings.Contains(redact.Redacted, secret) {
			return // no secret
		}
		if shown := redact.Text(before+secret+after, secret); len(shown) > 200 || strings.Contains(shown, secret) {
			t.Errorf("%q is redacted for %q", shown, secret)
		}
	})
}
