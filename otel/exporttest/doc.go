// Package exporttest tests what package gloebitotel reports with what receives
// it: an OTLP receiver, and Prometheus. The tests that need the prometheus and
// promtool of Debian are skipped where they are missing, unless
// GLOEBIT_TEST_REQUIRE is all.
package exporttest
