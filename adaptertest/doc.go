// Package adaptertest tests adapters for web frameworks, session managers and
// stores. Every implementation serves the same application and must pass the
// same cases as plain net/http.
//
// To test an adapter for a framework, build the application that [App]
// describes and run both tables:
//
//	var framework = adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
//		...
//	}}
//
//	func TestConformance(t *testing.T) { adaptertest.Run(t, framework) }
//
//	func TestSecurity(t *testing.T) { adaptertest.RunSecurity(t, framework) }
//
// [NetHTTP] is the application with net/http, to copy from. To test a session
// manager, use NetHTTP and set Framework.Sessions. To test a store, run
// [RunStoreSecurity] and package storetest, which calls the store directly.
//
// The numbers in the cases' names are those of the checklist in
// docs/security-tests.md of this module.
package adaptertest
