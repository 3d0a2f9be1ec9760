package main

import (
	"encoding/json"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	// A change of these packages must not leave a cached result.
	_ "github.com/go-gloebit/gloebit"
	_ "github.com/go-gloebit/gloebit/ledger"
	_ "github.com/go-gloebit/gloebit/oauth1"
	_ "github.com/go-gloebit/gloebit/stores/sealed"
)

func TestConstantTime(t *testing.T) {
	results := analysistest.Run(t, analysistest.TestData(), constantTime, "a")
	require.Equal(t, map[string]int{"allowed": 1}, results[0].Result)
}

// TestSecurity08SecretsAreComparedInConstantTime runs the lint rule, because a
// test can't reliably measure the time of a comparison.
func TestSecurity08SecretsAreComparedInConstantTime(t *testing.T) {
	const module = "github.com/go-gloebit/gloebit"
	// Of dependencies the types are enough: the rule has no facts about them.
	config := &packages.Config{Context: t.Context(), Mode: packages.LoadSyntax, Overlay: overlay(t)}
	loaded, err := packages.Load(
		config, module, module+"/connect", module+"/ledger", module+"/stores/sealed", module+"/oauth1",
	)
	require.NoError(t, err)
	graph, err := checker.Analyze([]*analysis.Analyzer{constantTime}, loaded, nil)
	require.NoError(t, err)
	counts := map[string]any{}
	for _, action := range graph.Roots {
		require.NoError(t, action.Err)
		for _, found := range action.Diagnostics {
			t.Errorf("%s: %s", action.Package.Fset.Position(found.Pos), found.Message)
		}
		counts[path.Base(action.Package.PkgPath)] = action.Result
	}
	require.Equal(t, map[string]any{
		"gloebit": map[string]int{},
		"connect": map[string]int{"pageOfAttempt": 1, "isBoundTo": 1, "ended": 1, "equalInConstantTime": 1},
		"ledger":  map[string]int{"readHoldURL": 1},
		"sealed":  map[string]int{},
		"oauth1":  map[string]int{"Finish": 1},
	}, counts)
}

// overlay returns the files that a go command with -overlay in GOFLAGS sees.
func overlay(t *testing.T) map[string][]byte {
	t.Helper()
	_, name, ok := strings.Cut(os.Getenv("GOFLAGS"), "-overlay=")
	if !ok {
		return nil
	}
	content, err := os.ReadFile(strings.Fields(name)[0])
	require.NoError(t, err)
	var description struct{ Replace map[string]string }
	require.NoError(t, json.Unmarshal(content, &description))
	files := map[string][]byte{}
	for file, with := range description.Replace {
		files[file], err = os.ReadFile(with)
		require.NoError(t, err)
	}
	return files
}
