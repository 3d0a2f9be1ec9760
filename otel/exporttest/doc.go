// Package exporttest tests the output of package gloebitotel with an OTLP
// receiver and with Prometheus. The tests that need Debian's prometheus and
// promtool are skipped if these are missing, unless GLOEBIT_TEST_REQUIRE is
// all.
package exporttest
