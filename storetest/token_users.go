package storetest

import (
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/internal/suite"
)

func oddUserIDs(t *testing.T, store *tokens) {
	users := suite.OddKeys[:many(len(suite.OddKeys), store.realm == firstRealm)]
	for i, userID := range users {
		save(t, store, userID, withToken(tokenOf(i)))
	}
	for i, userID := range users {
		wantToken(t, store, userID, tokenOf(i))
	}
	for i, userID := range users {
		if err := store.Delete(suite.InTime(t), userID); err != nil {
			t.Errorf("Delete of %q: %v", userID, err)
		}
		wantNone(t, store, userID)
		if i+1 < len(users) {
			wantToken(t, store, users[i+1], tokenOf(i+1))
		}
	}
}

func tokenOf(i int) string { return strings.Repeat("t", i+1) }
