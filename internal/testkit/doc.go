// Package testkit is shared by the tests of this repository: a clock, a log, a
// browser, servers with malformed responses, and a shop with a test Gloebit.
// The published modules below the root do not use it, because they may be built
// with an older version of the root module.
package testkit
