package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestREADMEShowsThisProgramAndThisTest(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, name := range []string{"main.go", "main_test.go"} {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, function := range []string{"func newShop", "func main", "func TestAHatIsCharged"} {
			_, body, found := strings.Cut(string(source), "\n"+function)
			if !found {
				continue
			}
			body, _, _ = strings.Cut(body, "\n}\n")
			require.Contains(t, string(readme), function+body+"\n}\n", "%s in %s", function, name)
		}
	}
}
