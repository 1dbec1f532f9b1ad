package chaos

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// linger lets the load go on for a while.
func (w *world) linger(least, most time.Duration) { <-time.After(w.random.between(least, most)) }

func (w *world) back() {
	w.t.Helper()
	w.eventually("everything is back", patience, w.healthy)
}

func killPostgres(w *world, n int) {
	w.linger(300*time.Millisecond, 2*time.Second)
	if err := w.postgres().Kill(); err != nil {
		w.t.Fatal(err)
	}
	w.linger(0, time.Second)
	restartPostgres(w, n)
}

func restartPostgres(w *world, _ int) {
	if err := w.resume(w.postgres()); err != nil {
		w.t.Fatal(err)
	}
	w.back()
	w.linger(300*time.Millisecond, time.Second)
}

// spoilNetwork puts one toxic on one link for a while; in 36 cycles each on each, in six all of both.
func spoilNetwork(w *world, n int) {
	round := n / 6
	links := []string{linkListen, linkPostgres, linkRedis, linkProvider, []string{linkClient, linkClient1}[round%2], []string{linkWebhook, linkWebhook1}[round%2]}
	link, spoilt := links[n%6], toxicOf(w.random, n+round)
	if w.primary.Load() == 1 && (link == linkPostgres || link == linkListen) {
		link = linkStandby // where the primary is now
	}
	w.done[spoilt.name()+" on "+link]++
	heal := w.network.spoil(w.t, link, spoilt.json())
	if full() {
		w.linger(8*time.Second, 12*time.Second)
	} else {
		w.linger(3*time.Second, 5*time.Second)
	}
	heal()
	w.back()
}

// frozen returns which of so many processes a cycle freezes, and for how long. The processes, those that serve before those that work, take
// turns, one that serves and one that works; in 60 cycles each has each length, in 36 too.
func frozen(n, processes int) (which int, long time.Duration) {
	which = n%2*(processes/2) + n/2%(processes/2)
	lengths := []time.Duration{5, 35, 5, 90, 5, 35, 5, 5}
	return which, lengths[n/processes%len(lengths)] * time.Second
}

// freeze stops a process and lets it go on as if nothing had been.
func freeze(w *world, n int) {
	which, long := frozen(n, len(w.victims()))
	if !full() {
		long = 5 * time.Second
	}
	p := w.victims()[which]
	w.done[fmt.Sprintf("%s for %v", p.name, long)]++
	p.signal(syscall.SIGSTOP)
	<-time.After(long)
	p.signal(syscall.SIGCONT)
	w.back()
}

// Every process is frozen for each length, and seldom for the longest.
func TestFreezePlan(t *testing.T) {
	t.Parallel()
	for _, processes := range []int{2, 4} { // of the soak and of the campaign
		times, most := map[string]int{}, 0
		for n := range 60 {
			which, long := frozen(n, processes)
			times[fmt.Sprint(which, long)]++
			if long == 90*time.Second {
				most++
			}
		}
		for which := range processes {
			for _, long := range []time.Duration{5 * time.Second, 35 * time.Second, 90 * time.Second} {
				if times[fmt.Sprint(which, long)] == 0 {
					t.Errorf("of %d processes number %d is never frozen for %v", processes, which, long)
				}
			}
		}
		if most > 8 {
			t.Errorf("%d of 60 cycles freeze for 90 s, want 8 at most", most)
		}
	}
}
