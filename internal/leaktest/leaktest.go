// Package leaktest fails a package's tests when a goroutine outlives the tests that started it (R78).
//
// Imports: goleak. Only tests import this package.
package leaktest

import (
	"testing"

	"go.uber.org/goleak"
)

// Main is the TestMain of a package. Not a leak are the servers that all tests of a process share, which live until it ends, and the
// idle connections of the tests' own HTTP client; nor what the package names beyond that.
func Main(m *testing.M, more ...goleak.Option) {
	goleak.VerifyTestMain(m, append(more,
		goleak.IgnoreAnyFunction("github.com/switchboard-inbox/switchboard/internal/embedded.spawn.func1"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))...)
}
