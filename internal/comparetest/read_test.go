package comparetest_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/go-gloebit/gloebit/internal/comparetest"
	"github.com/stretchr/testify/require"
)

// judged is a test that only takes down what it is failed with.
type judged struct {
	testing.TB
	words []string
}

func (j *judged) Helper() {}

func (j *judged) Errorf(format string, args ...any) {
	j.words = append(j.words, fmt.Sprintf(format, args...))
}

func TestAComparisonOfASecretIsFound(t *testing.T) {
	for line, want := range map[string][]string{
		`return a.Secret == b`:                         {"a.go compares a.Secret with b"},
		`return f(a) != begun.Token`:                   {"a.go compares ? with begun.Token"},
		`return bytes.Equal(x, a.mac)`:                 {"a.go calls bytes.Equal with a.mac"},
		`return a.Secret == ""`:                        nil,
		`return len(a.Secret) == n`:                    nil,
		`return a.Secret == known`:                     nil,
		`return subtle.ConstantTimeCompare(a, b) == 1`: nil,
	} {
		t.Run(line, func(t *testing.T) {
			j := &judged{TB: t}
			source := &fstest.MapFile{Data: []byte("package a\nfunc f() bool {\n" + line + "\n}\n")}
			sources := fstest.MapFS{"a.go": source, "a_test.go": {Data: []byte("package a; var x = y.Secret == z")}, "b/b.go": source}
			constant := comparetest.Read(j, sources, []string{"."}, map[string]bool{"a.go a.Secret known": true})
			require.Equal(t, want, j.words)
			require.Equal(t, line == `return subtle.ConstantTimeCompare(a, b) == 1`, constant["a.go subtle.ConstantTimeCompare"] == 1)
		})
	}
}
