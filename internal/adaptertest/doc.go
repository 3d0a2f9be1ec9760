// Package adaptertest holds what every adapter of a web framework is tested
// with: one application, which the framework serves in its own manner, and one
// table of what must hold for it, the same for plain net/http.
//
//	func TestConformance(t *testing.T) {
//		adaptertest.Run(t, adaptertest.Framework{New: newApp})
//	}
//
// It imports no framework.
package adaptertest
