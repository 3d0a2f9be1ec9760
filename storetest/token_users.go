package storetest

import (
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/internal/suite"
)

func oddUserIDs(t *testing.T, store *tokens) {
	for i, userID := range suite.OddKeys {
		save(t, store, userID, withToken(tokenOf(i)))
	}
	for i, userID := range suite.OddKeys {
		wantToken(t, store, userID, tokenOf(i))
	}
	for i, userID := range suite.OddKeys {
		if err := store.Delete(suite.InTime(t), userID); err != nil {
			t.Errorf("Delete of %q: %v", userID, err)
		}
		wantNone(t, store, userID)
		if i+1 < len(suite.OddKeys) {
			wantToken(t, store, suite.OddKeys[i+1], tokenOf(i+1))
		}
	}
}

func tokenOf(i int) string { return strings.Repeat("t", i+1) }
