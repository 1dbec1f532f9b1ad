// Package conformance holds the reference clients and audit suites, written in JavaScript, that the GraphQL edge must satisfy. Its tests
// start a server and run them with node; `npm ci` in this folder installs them.
//
// Imports: nothing.
package conformance
