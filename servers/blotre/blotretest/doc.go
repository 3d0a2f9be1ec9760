// Package blotretest is an in-memory Blot're for tests of programs that use
// package blotre. It has Blot're's statuses, bodies, headers, lifetimes and
// token rotation, and refuses what Blot're refuses.
package blotretest
