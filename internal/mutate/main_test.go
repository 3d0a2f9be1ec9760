package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const top = "../.." // of the repository

func TestEveryRequirementHasAMutation(t *testing.T) {
	list, err := load(top)
	require.NoError(t, err)
	numbers := map[string]bool{}
	for _, m := range list {
		numbers[m.number] = true
	}
	for n := 1; n <= 31; n++ {
		require.True(t, numbers[fmt.Sprintf("%02d", n)], "requirement %02d", n)
	}
	require.Len(t, numbers, 31)
}

func TestEveryMutationStillFitsTheCode(t *testing.T) {
	list, err := load(top)
	require.NoError(t, err)
	for _, m := range list {
		source, err := os.ReadFile(filepath.Join(top, m.file))
		require.NoError(t, err)
		if _, err = m.apply(string(source)); err != nil {
			t.Errorf("%s %s: %v", m.number, m.words, err)
		}
		tests := testsOf(t, filepath.Join(top, m.dir()))
		for _, test := range m.tests {
			if !strings.Contains(tests, "\nfunc "+test+"(t *testing.T)") {
				t.Errorf("%s has no %s", m.dir(), test)
			}
		}
	}
}

// testsOf returns the sources of all tests of a package.
func testsOf(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	all := &strings.Builder{}
	for _, name := range files {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		all.Write(content)
	}
	return all.String()
}

func TestAListThatCantBeReadIsAnError(t *testing.T) {
	const good = "@@ 01 it holds no more: TestIt @@\n--- a.go\n-x\n+y\n"
	list, err := parse("text\n```diff\n" + good + "\n" + good + "```\nmore\n```diff\n" + good + "```\n```go\nnot this\n```\n")
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Equal(t, mutation{"01", "it holds no more", []string{"TestIt"}, "a.go", "x", "y"}, list[2])
	for name, bad := range map[string]string{
		"no number":       strings.Replace(good, "01 ", "", 1),
		"no test":         strings.Replace(good, ": TestIt", "", 1),
		"no file":         strings.Replace(good, "--- a.go\n", "", 1),
		"no line":         strings.Replace(good, "-x\n", "-\n", 1),
		"no change":       strings.Replace(good, "+y\n", "+ x\n", 1),
		"a line too many": good + "+z\n",
		"two in one":      good + good,
	} {
		_, err := parse("```diff\n" + bad + "```\n")
		require.Error(t, err, name)
	}
	_, err = parse("```diff\n" + good)
	require.ErrorContains(t, err, "not closed")
}

func TestWhatBecomesOfAMutationIsTold(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod")
	root := t.TempDir()
	write := func(name, content string) {
		name = filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
	write("go.mod", "module example.com/m\n")
	write("p/p.go", "package p\n\nfunc Double(n int) int {\n\tif n < 0 {\n\t\treturn 2 * n\n\t}\n\tn += 0\n\tn += 0\n\treturn 2 * n // good\n}\n")
	write("p/p_test.go", "package p\n\nimport \"testing\"\n\nfunc TestDouble(t *testing.T) {\n\tif Double(2) != 4 {\n\t\tt.Error(Double(2))\n\t}\n}\n")
	write("p/more_test.go", "package p\n\nimport \"testing\"\n\nfunc TestNothing(t *testing.T) {}\n")
	block := func(number, before, after string) string {
		return "@@ " + number + " words: TestDouble @@\n--- p/p.go\n-\t" + before + "\n+\t" + after + "\n\n"
	}
	write(document, "```diff\n"+block("01", "return 2 * n // good", "return 3 * n")+block("02", "return 2 * n", "return 7")+
		block("03", "n += 0", "")+block("04", "n += 1", "")+block("05", "return 2 * n // good", "return x")+
		strings.Replace(block("06", "return 2 * n // good", "return 3 * n"), "TestDouble", "TestTriple", 1)+
		strings.Replace(block("07", "return 2 * n // good", "return 3 * n"), "TestDouble", "TestDouble, TestNothing", 1)+"```\n")
	out := &strings.Builder{}
	require.Error(t, run(t.Context(), out, root, ""))
	for _, want := range []string{"01 caught ", "02 SURVIVED ", "03 does not apply ", "04 does not apply ", "05 does not compile ", "06 FAILED TO RUN ", "07 SURVIVED ", "1 of 7 caught"} {
		require.Contains(t, "\n"+out.String(), "\n"+want)
	}
	require.NoError(t, run(t.Context(), out, root, "01"))
	require.ErrorContains(t, run(t.Context(), out, root, "31"), "31")

	write("p/p_test.go", "package p\n\nimport \"testing\"\n\nfunc TestDouble(t *testing.T) { t.Error(1) }\n")
	require.ErrorContains(t, run(t.Context(), out, root, "01"), "without any mutation")
}
