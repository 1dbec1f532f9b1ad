package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestGarbageIsBounded(t *testing.T) {
	for alive, want := range map[uint64]int{0: 400, 8 << 20: 400, 16 << 20: 200, 32 << 20: 100, 400 << 20: 50} {
		if got := percentFor(alive); got != want {
			t.Errorf("%d%% beside %d MiB, want %d%%", got, alive>>20, want)
		}
	}
}

// What is alive grows and shrinks; the pace follows with the collections.
func TestThePaceFollowsWhatIsAlive(t *testing.T) {
	before := debug.SetGCPercent(mostPercent)
	defer debug.SetGCPercent(before)
	pace(mostPercent)
	percent := func() int {
		sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(sample)
		return int(sample[0].Value.Uint64())
	}
	eventually := func(what string, is func() bool) {
		for end := time.Now().Add(10 * time.Second); !is(); runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%s: %d%%", what, percent())
			}
			runtime.GC()
		}
	}
	ballast := make([]byte, 150<<20)
	eventually("beside much", func() bool { return percent() == leastPercent })
	runtime.KeepAlive(ballast)
	ballast = nil //nolint:wastedassign,ineffassign // let go of
	eventually("beside little", func() bool { return percent() > 2*leastPercent })
}
