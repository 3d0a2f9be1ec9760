package adaptertest

import (
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
)

// Storage describes the stores to test.
type Storage struct {
	// Open returns empty stores for one case.
	Open func(t *testing.T) Stores
	// Sealed means that package sealed encrypts the tokens and Stores.Inner is
	// set.
	Sealed bool
	// Purchases means that there is a ledger and Process.Purchases is set.
	Purchases bool
}

// Stores are the stores of two processes of one application on one database.
type Stores struct {
	Processes []Process
	// Down makes the database unavailable to both processes, or available
	// again. If nil, calls are made to fail before they reach the stores.
	Down func(down bool)
	// Inner is the store below package sealed. Both processes must have the
	// same two keys in different order, as during a key rotation.
	Inner gloebit.TokenStore
}

// Process holds the stores of one process. Processes must not share values, as
// if they ran on different machines.
type Process struct {
	States    gloebit.StateStore
	Tokens    gloebit.TokenStore
	Purchases ledger.Store // nil without a ledger
}

// RunStoreSecurity runs the checklist's cases of stores: whole flows over HTTP,
// through the handlers of two processes that share only the stores and the
// browsers' sessions.
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

// storeCase is a row of the table, with the stores that it needs besides states
// and tokens.
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

// down makes the stores of all processes unavailable, or available again.
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
