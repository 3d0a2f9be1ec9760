// Package blotretest is a Blot're in memory, for tests of programs that use
// package blotre. It answers as Blot're does: the same statuses, bodies, headers,
// lifetimes and rotation, and it refuses what Blot're refuses.
package blotretest
