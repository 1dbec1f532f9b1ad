package leaktest

import (
	"runtime"
	"testing"
)

// told remembers whether a test was failed.
type told struct {
	testing.TB
	failed bool
}

func (t *told) Helper()               {}
func (t *told) Errorf(string, ...any) { t.failed = true }

func TestBoundedSeesWhatIsNotKept(t *testing.T) {
	for size, want := range map[int]bool{1 << 10: false, 1 << 20: true} {
		seen := &told{TB: t}
		Bounded(seen, func() {
			for range 40 {
				runtime.KeepAlive(make([]byte, size))
			}
		})
		if seen.failed != want {
			t.Errorf("40 times %d bytes: failed %v, want %v", size, seen.failed, want)
		}
	}
}
