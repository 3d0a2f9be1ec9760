package adaptertest

import (
	"strings"
	"testing"
)

// securityCase is an attack or failure, with its number in the checklist of
// docs/security-tests.md.
type securityCase struct {
	name string
	run  func(*world)
	with setting // added to the setting of each run
	only place

	attached bool // needs a Framework that is not Detached
}

// place restricts a case to one kind of sessions.
type place int

const (
	applicationsSessions place = iota + 1
	packagesSessions
)

// RunSecurity runs the checklist's cases of handlers, sessions and cookies on
// the frameworks, with the application's sessions and with the package's own.
func RunSecurity(t *testing.T, frameworks ...Framework) {
	t.Helper()
	for _, c := range securityCases() {
		t.Run(c.name, func(t *testing.T) {
			for _, framework := range frameworks {
				if c.attached && framework.Detached {
					continue
				}
				s := c.with
				named := func(name string) string { return strings.TrimPrefix(framework.Name+", "+name, ", ") }
				s.name = named("with the application's sessions")
				if c.only != packagesSessions {
					t.Run(s.name, func(t *testing.T) { c.run(newWorld(t, framework, s)) })
				}
				if framework.Sessions == nil && c.only != applicationsSessions {
					s.name, s.ownSessions, s.prefix = named("with the package's own sessions, below a prefix"), true, "/shop"
					t.Run(s.name, func(t *testing.T) { c.run(newWorld(t, framework, s)) })
				}
			}
		})
	}
}

func securityCases() []securityCase {
	ownUsers, https := setting{ownUsers: true}, setting{https: true}
	return []securityCase{
		{name: "01 the state is random, and never the caller's", run: stateIsRandom},
		{name: "02 a callback in another browser than the one that started fails", run: callbackElsewhere},
		{name: "03 a used state fails again, also with the old cookies", run: stateIsUsedOnce},
		{name: "04 replays at the same moment are one exchange", run: replaysAtOnce},
		{name: "05 a state expires on the server, whatever the cookie says", run: stateExpires},
		{name: "06 a missing, empty or repeated parameter is refused", run: parametersAreSingle},
		{name: "07 the state is checked before an error is believed", run: stateBeforeError},
		{name: "12 the redirect URI is configured, whatever Host says", run: hostIsNotBelieved},
		{name: "14 return_to leads nowhere else", run: returnToIsLocal},
		{name: "15 return_to travels in the stored state", run: returnToIsStored},
		{name: "17 the session id changes at connect, and the old one is dead", run: sessionIsRenewed},
		{name: "18 the connection is of the user who started it", run: usersOwnConnection, with: ownUsers},
		{name: "18 another Gloebit account can't take a session over", run: anotherAccount},
		{name: "19 cookies are for the server alone", run: cookiesAreClosed},
		{name: "19 cookies are for https alone", run: cookiesAreSecure, with: https, only: packagesSessions},
		{name: "20 no token is in a URL, a page, a redirect or a cookie", run: tokensStayInside},
		{name: "21 callbacks are not stored, leak no address and show nothing", run: callbacksAreClosed},
		{name: "22 no secret is in pages, logs and errors", run: secretsStaySecret},
		{name: "23 the provider's words are not shown", run: providersWords},
		{name: "29 with the token store down no handler runs", run: tokenStoreDown},
		{name: "29 with the state store down no user connects", run: stateStoreDown},
		{name: "29 with sessions that can't be loaded no handler runs", run: sessionsNotLoaded, only: applicationsSessions},
		{
			name: "29 with sessions that can't be saved nothing is a success", run: sessionsNotSaved,
			only: applicationsSessions,
		},
		{name: "30 a disconnect is a POST", run: disconnectIsPOST},
		{name: "30 a disconnect from another site is refused", run: crossSiteDisconnect},
		{name: "30 a disconnect takes effect on the server", run: disconnect},
		{name: "attack: a state of the caller's choice", run: chosenState},
		{name: "attack: the browser's proof in the query instead of the cookie", run: proofInQuery},
		{name: "attack: an attempt of two days ago", run: oldAttempt},
		{name: "attack: the chain goes on behind a refusal", run: chainGoesOn},
		{name: "attack: the verifier from the callback's URL", run: verifierInQuery},
		{name: "attack: a refusal is exchanged", run: refusalIsExchanged},
		{name: "attack: a request that ends ends a refresh", run: requestEnds, attached: true},
		{name: "attack: two copies of a token are refreshed at once", run: refreshedAtOnce},
	}
}
