package adaptertest

import (
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
)

// Storage is a kind of stores to try.
type Storage struct {
	// Open makes stores with nothing in them, for one case.
	Open func(t *testing.T) Stores
	// Sealed says that the tokens are in package sealed, so that Stores.Inner
	// is set.
	Sealed bool
	// Purchases says that there is a ledger, so that Process.Purchases is set.
	Purchases bool
}

// Stores are those of two processes of one application, on one database.
type Stores struct {
	Processes []Process
	// Down takes the database away from both processes, or gives it back. With
	// nil the calls fail before they reach the stores.
	Down func(down bool)
	// Inner is what the sealed tokens are in. With package sealed both
	// processes have two keys, in different order, as while keys are changed.
	Inner gloebit.TokenStore
}

// Process is what one process has of the stores. The values are its own, as if
// the other process were another machine's.
type Process struct {
	States    gloebit.StateStore
	Tokens    gloebit.TokenStore
	Purchases ledger.Store // nil without
}

// RunStoreSecurity runs what the checklist asks of stores: whole flows over
// HTTP, through the handlers of two processes that share nothing but the stores
// and the browsers' sessions.
func RunStoreSecurity(t *testing.T, storage Storage) {
	t.Helper()
	for _, c := range storeCases() {
		if c.sealed && !storage.Sealed || c.purchases && !storage.Purchases {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			stores := storage.Open(t)
			s := c.with
			s.stores = &stores
			c.run(newWorld(t, Framework{New: NetHTTP}, s))
		})
	}
}

// storeCase is a row of the table, with what it needs beside states and tokens.
type storeCase struct {
	securityCase
	sealed, purchases bool
}

func storeCases() []storeCase {
	ownUsers := setting{ownUsers: true}
	plain := func(name string, run func(*world)) storeCase {
		return storeCase{securityCase: securityCase{name: name, run: run}}
	}
	return []storeCase{
		plain("03 a used state fails again, at each process, also with the old cookies", stateIsUsedOnceAnywhere),
		plain("04 replays at the same moment, at each process, are one exchange", replaysAtOnceAnywhere),
		plain("05 a state expires, whichever process looks", stateExpiresAnywhere),
		{securityCase: securityCase{name: "18 the pending connection keeps its user", run: pendingKeepsUser, with: ownUsers}},
		plain("22 what a store fails with has no secret in it", storeErrorsAreClean),
		{
			securityCase: securityCase{name: "25 no token is readable at rest, and both keys open", run: sealedAtRest},
			sealed:       true,
		},
		{
			securityCase: securityCase{
				name: "25 a credential that was moved to another user does not open", run: sealedToTheUser,
			},
			sealed: true,
		},
		plain("26 a new refresh token replaces the old", rotationIsKept),
		plain("26 an answer without a refresh token keeps the old", noneKeepsTheOld),
		plain("29 with the stores down no handler runs, and nothing is lost", storesDown),
		plain("30 a disconnect takes effect at each process", disconnectAnywhere),
		{
			securityCase: securityCase{name: "31 a hold URL that was not signed changes nothing", run: holdURLsAreSigned},
			purchases:    true,
		},
		{
			securityCase: securityCase{name: "31 a hold URL that comes again delivers once", run: holdURLsAreWorkedOnce},
			purchases:    true,
		},
		plain("attack: two copies of a token are refreshed at once", refreshedAtOnceAnywhere),
		plain("attack: another merchant and the sandbox share the stores", merchantsShareTheStores),
	}
}

// down takes the stores away from all processes, or gives them back.
func (w *world) down(down bool) {
	if w.stores.Down != nil {
		w.stores.Down(down)
		return
	}
	var err error
	if down {
		err = errDown
	}
	for _, fault := range w.faults {
		fault.fail(err)
	}
}
