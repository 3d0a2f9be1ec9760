// Package adaptertest holds what every adapter of a web framework and every
// store is tested with: one application, which the framework serves in its own
// manner, and tables of what must hold for it, the same for plain net/http.
//
//	func TestConformance(t *testing.T) {
//		adaptertest.Run(t, adaptertest.Framework{New: newApp})
//	}
//
// RunSecurity and RunStoreSecurity are the checklist of docs/security.md where
// it concerns adapters and stores; their cases bear its numbers.
//
// It imports no framework and no driver.
package adaptertest
