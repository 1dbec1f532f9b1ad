// Package arch is a test that enforces the rules of the house: which package may import which, what a file may hold, and how long
// it may be. It reads source text only, so it takes well under a second and needs no build.
//
// A rule that is wrong for one place gets an exception in rules.go, with its reason; a rule that is wrong everywhere is changed here,
// and ARCHITECTURE.md says why.
//
// Imports: the standard library only.
package arch
