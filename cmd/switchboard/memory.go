package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// A list answered over GraphQL makes many small short-lived things. Collecting whenever so much has gathered costs little while
	// little is alive, and bounds what ten thousand sockets take: garbage in proportion to what is alive would be most of it.
	garbage = 32 << 20
	// A quarter of the work is saved by four times as much garbage as there is alive; more than that saves hardly any.
	mostPercent = 400
	// From here on the collector would work harder than memory is worth.
	leastPercent = 50
)

// tuneMemory sets how often the process collects garbage, unless the environment says so.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(mostPercent)
		pace(mostPercent)
	}
}

// pace sets anew, at once and after every collection, how much garbage may gather until the next one.
func pace(percent int) {
	alive := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}}
	metrics.Read(alive)
	// Setting it stops the process for a moment, so it is not done for little.
	if wanted := percentFor(alive[0].Value.Uint64() + alive[1].Value.Uint64()); max(wanted, percent) > min(wanted, percent)*11/10 {
		debug.SetGCPercent(wanted)
		percent = wanted
	}
	// The collection that finds the canary dead is the next one.
	canary := new([64]byte)
	runtime.AddCleanup(canary, pace, percent)
}

// percentFor returns how much garbage may gather beside so many bytes, in percent of them.
func percentFor(alive uint64) int {
	return int(max(leastPercent, min(mostPercent, garbage*100/max(alive, 1))))
}
