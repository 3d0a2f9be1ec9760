package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const top = "../.." // of the repository

func TestEveryRequirementHasAMutation(t *testing.T) {
	list, err := load(mutations)
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

func TestEveryMutationAppliesToCode(t *testing.T) {
	list, err := load(mutations)
	require.NoError(t, err)
	for _, m := range list {
		source, err := os.ReadFile(filepath.Join(top, m.file))
		require.NoError(t, err)
		if _, err = m.apply(string(source)); err != nil {
			t.Errorf("%s %s: %v", m.number, m.words, err)
		}
		tests := testsOf(t, filepath.Join(top, m.in))
		for _, test := range m.tests {
			if !strings.Contains(tests, "\nfunc "+test+"(t *testing.T)") {
				t.Errorf("%s has no %s", m.in, test)
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

func TestReadingMutations(t *testing.T) {
	const good = "@@ 01 it holds no more: TestIt @@\n--- p/a.go\n-x\n+y\n"
	const full = "@@ 02 nor does this: TestIt, TestThat in q @@\n--- a.go Load\n-\tx := 1 // one\n+\n"
	list, err := parse(good + "\n" + full)
	require.NoError(t, err)
	require.Equal(t, []mutation{
		{"01", "it holds no more", []string{"TestIt"}, "p", "p/a.go", "", "x", "y"},
		{"02", "nor does this", []string{"TestIt", "TestThat"}, "q", "a.go", "Load", "x := 1", ""},
	}, list)
	for name, bad := range map[string]string{
		"no number":          strings.Replace(good, "01 ", "", 1),
		"no test":            strings.Replace(good, ": TestIt", "", 1),
		"no package":         strings.Replace(good, "TestIt", "TestIt in", 1),
		"no file":            strings.Replace(good, "--- p/a.go\n", "", 1),
		"no line":            strings.Replace(good, "-x\n", "-\n", 1),
		"a comment alone":    strings.Replace(good, "-x\n", "-// x\n", 1),
		"no change":          strings.Replace(good, "+y\n", "+ x\n", 1),
		"a change in spaces": strings.Replace(good, "+y\n", "+ x // y\n", 1),
		"a line too many":    good + "+z\n",
		"two in one":         good + good,
		"nothing":            "",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(fstest.MapFS{"testdata/01.diff": {Data: []byte(bad)}})
			require.ErrorContains(t, err, "testdata/01.diff")
		})
	}
}

func TestFindingTheLine(t *testing.T) {
	const source = `package a

func Get() string {
	url := "http://a" // where it is
	return url // from Get
}

func (s store) Put() string {
	const (
		a   = 1
		key = "x  //y" // aligned
	)
	return url // from Put
}
`
	for name, c := range map[string]struct{ function, before, found string }{
		"without its comment":  {"", `url := "http://a"`, `	url := "http://a" // where it is`},
		"with another comment": {"", `	url := "http://a" // elsewhere `, `	url := "http://a" // where it is`},
		"aligned otherwise":    {"", `a = 1`, `		a   = 1`},
		"slashes in a string":  {"", `key = "x  //y"`, `		key = "x  //y" // aligned`},
		"twice":                {"", "return url", ""},
		"twice in a function":  {"Get", "return url", "	return url // from Get"},
		"twice in a method":    {"Put", "return url", "	return url // from Put"},
		"in another function":  {"Put", `url := "http://a"`, ""},
		"in no function":       {"Delete", "return url", ""},
		"part of the line":     {"", `url := "http:`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := strings.TrimSpace("--- a.go " + c.function)
			m, ok := read([]string{"@@ 01 words: TestIt @@", file, "-" + c.before, "+changed"})
			require.True(t, ok)
			got, err := m.apply(source)
			if c.found == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, strings.Replace(source, c.found, "changed", 1), got)
		})
	}
}

func TestVerdicts(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod")
	root := t.TempDir()
	write := func(name, content string) {
		name = filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
	write("go.mod", "module example.com/m\n")
	write("p/p.go", "package p\n\nfunc Double(n int) int {\n\tif n < 0 {\n\t\treturn -2 * -n\n\t}\n"+
		"\tn += 0\n\tn += 0\n\treturn 2 * n // good\n}\n")
	write("p/p_test.go", "package p\n\nimport \"testing\"\n\n"+
		"func TestDouble(t *testing.T) {\n\tif Double(2) != 4 {\n\t\tt.Error(Double(2))\n\t}\n}\n")
	write("p/more_test.go", "package p\n\nimport \"testing\"\n\nfunc TestNothing(t *testing.T) {}\n")
	block := func(number, before, after string) string {
		return "@@ " + number + " words: TestDouble @@\n--- p/p.go\n-\t" + before + "\n+\t" + after + "\n\n"
	}
	write("q/q_test.go", "package q\n\nimport (\n\t\"os\"\n\t\"strings\"\n\t\"testing\"\n)\n\n"+
		"func TestOverlay(t *testing.T) {\n"+
		"\tif strings.Contains(os.Getenv(\"GOFLAGS\"), \"-overlay=\") {\n\t\tt.Error()\n\t}\n}\n")
	list, err := parse(block("01", "return 2 * n // good", "return 3 * n") + block("02", "n += 0", "") +
		block("03", "n += 1", "") + block("04", "return 2 * n", "return x") +
		strings.Replace(block("05", "return 2 * n", "return 3 * n"), "TestDouble", "TestTriple", 1) +
		strings.Replace(block("06", "return 2 * n", "return 3 * n"), "TestDouble", "TestDouble, TestNothing", 1) +
		strings.Replace(block("07", "return 2 * n", "return 3 * n"), "TestDouble", "TestOverlay in q", 1) +
		block("08", "if n < 0 {", "if n < -1 {"))
	require.NoError(t, err)
	out := &strings.Builder{}
	require.Error(t, run(t.Context(), out, root, list))
	for _, want := range []string{
		"01 caught ", "02 does not apply ", "03 does not apply ", "04 does not compile ", "05 FAILED TO RUN ",
		"06 SURVIVED ", "07 caught ", "08 SURVIVED ", "2 of 8 caught",
	} {
		require.Contains(t, "\n"+out.String(), "\n"+want)
	}
	require.NoError(t, run(t.Context(), out, root, only(list, "01")))
	require.Error(t, run(t.Context(), out, root, only(list, "31")))

	write("p/p_test.go", "package p\n\nimport \"testing\"\n\nfunc TestDouble(t *testing.T) { t.Error(1) }\n")
	require.ErrorContains(t, run(t.Context(), out, root, only(list, "01")), "without any mutation")
}
