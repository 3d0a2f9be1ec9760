package cli_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if update := os.Getenv("CLI_TEST_UPDATE"); update != "" {
		os.Exit(updateInChild(update))
	}
	goleak.VerifyTestMain(m)
}
