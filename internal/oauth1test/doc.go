// Package oauth1test tests package oauth1 with internal packages of the root
// module. It contains only tests.
package oauth1test
