package storetest

import (
	"testing"

	"github.com/go-gloebit/gloebit/connect"
)

// stateCase is one requirement of a StateStore.
type stateCase struct {
	name string
	run  func(t *testing.T, store *states)
}

// RunStateStore tests a StateStore. newStore returns an empty store each time
// it is called. Each case runs in two realms.
func RunStateStore(t *testing.T, newStore func(t *testing.T) connect.StateStore) {
	for _, c := range []stateCase{
		{"a key that was never put is not found", unknownState},
		{"every field comes back as it was put", stateRoundTrip},
		{"empty fields come back empty", emptyStateRoundTrip},
		{"a state is taken once", takenOnce},
		{"of a hundred goroutines one takes the state", takenByOne},
		{"a key in use is an error and its entry stays", putTwice},
		{"keys that differ in any byte are different states", oddStateKeys},
		{"realms that differ in any byte are apart", stateRealmsApart},
		{"a state past its ExpiresAt comes back whole or not at all", expiredState},
		{"a context that has ended does nothing", stateContextEnded},
		{"any user id comes back", stateUserIDs},
		{"values of 64 KiB are kept", largeStates},
	} {
		t.Run(c.name, func(t *testing.T) { runStates(t, newStore(t), c.run) })
	}
}
