// Package adaptertest tests adapters of web frameworks, session managers and
// stores. Every implementation runs the same application, and the same tables of
// cases apply to it as to plain net/http.
//
// For an adapter of a framework, build the application that [App] describes and
// run both tables:
//
//	var framework = adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
//		...
//	}}
//
//	func TestConformance(t *testing.T) { adaptertest.Run(t, framework) }
//
//	func TestSecurity(t *testing.T) { adaptertest.RunSecurity(t, framework) }
//
// [NetHTTP] is that application with net/http, to copy from. For a session
// manager, use NetHTTP and set Framework.Sessions. For a store, run
// [RunStoreSecurity] beside the tests of package storetest, which call the store
// itself.
//
// The numbers in the names of the cases are those of the checklist in
// docs/security-tests.md of this module.
package adaptertest
