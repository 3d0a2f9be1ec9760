package adaptertest

import "testing"

// conformanceCase is a row of the table.
type conformanceCase struct {
	name     string
	run      func(*world)
	attached bool // needs a Framework that is not Detached
}

// Run runs the conformance cases on the framework in each setting.
func Run(t *testing.T, framework Framework) {
	t.Helper()
	settings := []setting{
		{name: "with the application's sessions"},
		{name: "below a prefix", prefix: "/shop"},
	}
	if framework.Sessions == nil {
		settings = append(settings,
			setting{name: "with the package's own sessions", ownSessions: true},
			setting{name: "with the package's own sessions below a prefix", ownSessions: true, prefix: "/deep/shop"},
		)
	}
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			for _, c := range cases() {
				if c.attached && framework.Detached {
					continue
				}
				t.Run(c.name, func(t *testing.T) { c.run(newWorld(t, framework, s)) })
			}
		})
	}
}

func cases() []conformanceCase {
	return []conformanceCase{
		{name: "a page load is sent to connect and comes back where it was", run: connectAndComeBack},
		{name: "connect takes no POST", run: connectMethods},
		{name: "Optional lets all requests through and finds the connected user", run: optional},
		{name: "a script without a connection gets a problem that says how to connect", run: scriptRefused},
		{name: "a form without a connection is not worked", run: formRefused},
		{name: "a HEAD without a connection has no body", run: headRefused},
		{name: "who granted too little is asked for more", run: scopes},
		{name: "a page for more scopes comes back with them", run: scopesGranted},
		{name: "allowed handlers run in order", run: inOrder},
		{name: "a stream reaches the client while the handler runs", run: stream},
		{name: "a handler takes over the connection", run: hijack, attached: true},
		{name: "a file is copied into the response", run: copyFile, attached: true},
		{name: "an early hint leaves before the response", run: earlyHint, attached: true},
		{name: "a response controller reaches the connection", run: control, attached: true},
		{name: "a change of the session is saved without a body", run: silentChange},
		{name: "a panic is 500 and the next request is served", run: panics},
		{name: "the error helper answers with the problem and ends the chain", run: errorHelper},
		{name: "the error helper sends a page load to connect", run: errorHelperConnects},
		{name: "users at the same time stay apart", run: atOnce},
	}
}
