package main

import (
	"os"
	"testing"
)

func TestStatIsReadWhateverTheNameHolds(t *testing.T) {
	t.Parallel()
	const line = "4711 (post) gres (x) S 42 1 1 0 -1 0 1 2 3 4 150 50 30 20 20 0 1 0 83111 5124096 964"
	got, ok := parseStat([]byte(line))
	if want := (running{parent: 42, name: "post) gres (x", own: 2000, reaped: 500}); !ok || got != want {
		t.Errorf("read %+v, want %+v", got, want)
	}
	for _, broken := range []string{"", "1 (x", "1 (x) S 1 2"} {
		if _, ok := parseStat([]byte(broken)); ok {
			t.Errorf("read %q", broken)
		}
	}
}

func TestServersAreCountedWithTheirEndedChildren(t *testing.T) {
	t.Parallel()
	self := os.Getpid()
	before := processes{10: {parent: self, name: "postgres", own: 100, reaped: 50}, 11: {parent: 10, name: "postgres", own: 300},
		20: {parent: self, name: "redis-server", own: 70}, 30: {parent: 1, name: "postgres", own: 9999}}
	// The backend has ended with 400 on its clock: the time that was counted as its own is its parent's now.
	after := processes{10: {parent: self, name: "postgres", own: 100, reaped: 450}, 20: {parent: self, name: "redis-server", own: 80},
		30: {parent: 1, name: "postgres", own: 99999}}
	had, has := before.of(nil), after.of(nil)
	if spent := has.Postgres - had.Postgres; spent != 100 {
		t.Errorf("Postgres spent %g ms, want 100", spent)
	}
	if spent := has.Redis - had.Redis; spent != 10 {
		t.Errorf("Redis spent %g ms, want 10", spent)
	}
}

func TestOwnTimeGrows(t *testing.T) {
	t.Parallel()
	spent := func() float64 { return readProcesses()[os.Getpid()].own }
	had, sum := spent(), 0
	for range 100 { // far more than a tick in all
		for i := range 20_000_000 {
			sum += i
		}
		if spent() > had {
			return
		}
	}
	t.Errorf("no time has passed while %d was added up", sum)
}
