package leaktest

import (
	"runtime/metrics"
	"testing"
)

// mostAllocated is how much one input may make a parser allocate, however little of it is kept.
const mostAllocated = 32 << 20

// Bounded runs fn and fails the test when the process allocated more than 32 MiB meanwhile. It is for fuzz targets, beside which nothing else runs.
// Time is not looked at: a busy machine would fail it.
func Bounded(t testing.TB, fn func()) {
	t.Helper()
	before := allocated()
	fn()
	if made := allocated() - before; made > mostAllocated {
		t.Errorf("one input allocated %d bytes, at most %d are allowed", made, mostAllocated)
	}
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
