package leaktest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/stretchr/testify/require"
)

// judged is a test that records its failures.
type judged struct {
	testing.TB
	words []string
}

func (j *judged) Helper() {}

func (j *judged) Errorf(format string, args ...any) {
	j.words = append(j.words, fmt.Sprintf(format, args...))
}

const secret = `a"secret/with+all&kinds<of>é`

func TestSecretIsFoundInEveryEncoding(t *testing.T) {
	for name, seen := range map[string]string{
		"as it is":               "x" + secret + "y",
		"in a query":             "?q=" + url.QueryEscape(secret),
		"in a path":              "/" + url.PathEscape(secret),
		"in JSON":                `{"a":"a\"secret/with+all\u0026kinds\u003cof\u003eé"}`,
		"in HTML":                `a&#34;secret/with+all&amp;kinds&lt;of&gt;é`,
		"quoted":                 fmt.Sprintf("%q", secret),
		"in ASCII":               fmt.Sprintf("%+q", secret),
		"in hexadecimal":         hex.EncodeToString([]byte("x" + secret + "y")),
		"in large hexadecimal":   fmt.Sprintf("%X", secret),
		"as numbers":             fmt.Sprint([]byte("x" + secret + "y")),
		"as Go's bytes":          fmt.Sprintf("%#v", []byte("x"+secret+"y")),
		"in base64":              base64.StdEncoding.EncodeToString([]byte(secret)),
		"in base64 behind one":   base64.StdEncoding.EncodeToString([]byte("x" + secret + "yz")),
		"in base64 behind two":   base64.StdEncoding.EncodeToString([]byte("ix" + secret + "y")),
		"in base64 behind three": base64.URLEncoding.EncodeToString([]byte("id:" + secret)),
		"in basic credentials":   base64.StdEncoding.EncodeToString([]byte("client:" + secret)),
	} {
		t.Run(name, func(t *testing.T) {
			var w leaktest.Witness
			w.Secret("password", secret)
			w.Saw("log", "nothing")
			w.Saw("page", "before", seen, "after")
			j := &judged{TB: t}
			w.Wants(j, leaktest.Table{"password": {"mail"}})
			require.Len(t, j.words, 1)
			require.Contains(t, j.words[0], "password in page")
			w.Wants(t, leaktest.Table{"password": {"page"}})
		})
	}
}

func TestASecretIsFoundByItsHash(t *testing.T) {
	const value = "0123456789-0123456789_0123456789abcdefghijk"
	sum := sha256.Sum256([]byte(value))
	var w leaktest.Witness
	w.Hashed("binding", base64.RawURLEncoding.EncodeToString(sum[:]))
	w.Saw("log", "binding="+value)
	j := &judged{TB: t}
	w.Wants(j, leaktest.Table{"binding": nil})
	require.Len(t, j.words, 1)
	require.Contains(t, j.words[0], "binding in log")
}

func TestTableMustMatchExactly(t *testing.T) {
	var w leaktest.Witness
	w.Secret("password", secret)
	w.Secret("key", strings.Repeat("k", 32))
	w.Saw("page", secret)
	for name, c := range map[string]struct {
		table leaktest.Table
		want  string
	}{
		"a place where it is not":  {leaktest.Table{"password": {"page", "log"}, "key": nil}, "password in log"},
		"a kind that there is not": {leaktest.Table{"password": {"page"}, "key": nil, "code": nil}, "ever made: code"},
		"a kind without a line":    {leaktest.Table{"password": {"page"}}, "no line for: key"},
	} {
		t.Run(name, func(t *testing.T) {
			j := &judged{TB: t}
			w.WantsAll(j, c.table)
			require.Len(t, j.words, 1)
			require.Contains(t, j.words[0], c.want)
		})
	}
	w.WantsAll(t, leaktest.Table{"password": {"page"}, "key": nil})
	w.WantsAll(t, leaktest.Table{"password": {"page"}, "key": nil, "code": nil}, "password")
}

func TestATableIsReadFromMarkdown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "security.md")
	require.NoError(t, os.WriteFile(file, []byte(`# Security

| not | this |
|---|---|
| one | . |

## Where secrets go

Some words.

| secret | seen in | kept in | what keeps it safe |
|---|---|---|---|
| password | page, mail to the user | database | a seal, and a lock |
| key | nowhere | nowhere | |

More words.

| nor | this |
|---|---|
`), 0o600))
	require.Equal(
		t, leaktest.Table{"password": {"page", "mail to the user", "database"}, "key": nil}, leaktest.ReadTable(t, file),
	)
}
