// Package testkit is what the tests of this repository's packages share: a
// clock, a log, a browser, servers that answer with malformed HTTP, and a shop
// beside a test Gloebit. The published modules below the root do not use it,
// because it is internal to a version of the root that they may not have.
package testkit
