// Package oauth1test tests package oauth1 with what the root module keeps
// internal. It has no code of its own.
package oauth1test
