package adaptertest

import "testing"

// conformanceCase is one row of the table.
type conformanceCase struct {
	name string
	run  func(*world)
}

// Run runs the table on the framework, in each setting.
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
				t.Run(c.name, func(t *testing.T) { c.run(newWorld(t, framework, s)) })
			}
		})
	}
}

func cases() []conformanceCase {
	return []conformanceCase{
		{"a page load is sent to connect and comes back where it was", connectAndComeBack},
		{"connect takes no POST", connectMethods},
		{"what is optional is open to all and knows who is connected", optional},
		{"a script without a connection gets a problem that says how to connect", scriptRefused},
		{"a form without a connection is not worked", formRefused},
		{"a HEAD without a connection has no body", headRefused},
		{"who granted too little is asked for more", scopes},
		{"a page for more scopes comes back with them", scopesGranted},
		{"what is allowed runs in order", inOrder},
		{"a stream reaches the client while the handler runs", stream},
		{"a handler takes over the connection", hijack},
		{"a file is copied into the response", copyFile},
		{"an early hint leaves before the response", earlyHint},
		{"a response controller reaches the connection", control},
		{"a change of the session is saved without a body", silentChange},
		{"a panic is 500 and the next request is served", panics},
		{"the error helper answers with the problem and ends the chain", errorHelper},
		{"the error helper sends a page load to connect", errorHelperConnects},
		{"users at the same time stay apart", atOnce},
	}
}
