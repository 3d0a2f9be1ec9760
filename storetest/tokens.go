package storetest

import (
	"testing"

	"github.com/go-gloebit/gloebit/connect"
)

// tokenCase is one requirement of a TokenStore.
type tokenCase struct {
	name string
	run  func(t *testing.T, store *tokens)
}

// RunTokenStore tests a TokenStore. newStore returns an empty store each time
// it is called. Each case runs in two realms.
func RunTokenStore(t *testing.T, newStore func(t *testing.T) connect.TokenStore) {
	runTokenCases(t, newStore, []tokenCase{
		{"a user without a credential is not found", absence},
		{"every field comes back as it was saved", tokenRoundTrip},
		{"empty fields come back empty", emptyTokenRoundTrip},
		{"a credential is replaced as a whole", overwrite},
		{"nil removes the credential", nilRemoves},
		{"a credential returned as it came stays as it was", unchanged},
		{"Delete removes the credential", deletes},
		{"Delete waits for a running Update", deleteWaits},
		{"an fn that fails saves nothing", fnFails},
		{"an fn that panics saves nothing and frees the user", fnPanics},
		{"an fn that ends its goroutine saves nothing and frees the user", fnExits},
		{"an expired credential comes back whole or not at all", expired},
		{"an expired credential can be replaced and removed", expiredReplaced},
		{"a context that has ended does nothing", tokenContextEnded},
		{"waiting for the user ends with the context", waitingEnds},
		{"the context of fn is the caller's", fnContext},
		{"the context of fn ends with the caller's", fnContextEnds},
		{"Load does not wait for an Update", loadDoesNotWait},
		{"Load does not wait for the first Update of a user", firstLoadDoesNotWait},
		{"two hundred goroutines on one user lose no update", manyUpdates},
		{"two hundred goroutines on as many users are served", manyUsers},
		{"user ids that differ in any byte are different users", oddUserIDs},
		{"realms that differ in any byte are apart", realmsApart},
		{"tokens of 64 KiB are kept", largeTokens},
	})
}

// RunUsersApart tests that an Update of one user does not block other users.
// The contract does not require it: a store with one lock for all users fails
// here and is a valid TokenStore.
func RunUsersApart(t *testing.T, newStore func(t *testing.T) connect.TokenStore) {
	runTokenCases(t, newStore, []tokenCase{
		{"an Update does not wait for another user's", usersApart},
		{"an Update of a new user does not wait for another new user's", newUsersApart},
		{"an Update does not wait for one of the same id in another realm", realmsDoNotWait},
	})
}

func runTokenCases(t *testing.T, newStore func(t *testing.T) connect.TokenStore, cases []tokenCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { runTokens(t, newStore(t), c.run) })
	}
}
