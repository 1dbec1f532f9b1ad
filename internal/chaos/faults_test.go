package chaos

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
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

// spoilRedis does in turn what may become of a Redis. What it holds is never needed.
func spoilRedis(w *world, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client := w.redisClient()
	stall := 4 * time.Second
	if full() && n%25 == 2 {
		stall = 45 * time.Second
	}
	var err error
	switch n % 5 {
	case 0:
		if err = w.redis.Kill(); err == nil {
			w.linger(500*time.Millisecond, 3*time.Second)
			err = w.redis.Restart(ctx)
		}
	case 1:
		err = client.FlushAll(ctx).Err()
	case 2:
		err = client.Do(ctx, "DEBUG", "SLEEP", fmt.Sprint(stall.Seconds())).Err()
	case 3:
		if err = client.ConfigSet(ctx, "maxmemory", "1mb").Err(); err == nil {
			w.linger(2*time.Second, 4*time.Second)
			err = client.ConfigSet(ctx, "maxmemory", "0").Err()
		}
	case 4: // an old snapshot is put back
		data := filepath.Join(w.redis.Dir(), "data")
		old := filepath.Join(w.dir, fmt.Sprintf("old-redis-%d", n))
		var out []byte
		if out, err = exec.Command("cp", "-a", data, old).CombinedOutput(); err != nil {
			w.t.Fatalf("%v: %s", err, out)
		}
		w.linger(2*time.Second, 4*time.Second)
		if err = w.redis.Kill(); err != nil {
			break
		}
		if out, err = exec.Command("sh", "-c", `rm -rf "$1"/* && cp -a "$2"/. "$1"/`, "sh", data, old).CombinedOutput(); err != nil {
			w.t.Fatalf("%v: %s", err, out)
		}
		err = w.redis.Restart(ctx)
	}
	if err != nil {
		w.t.Fatalf("cycle %d: %v", n, err)
	}
	w.back()
	w.linger(300*time.Millisecond, time.Second)
}

// spoilNetwork puts one toxic on one link for a while; in 36 cycles each on each, in six all of both.
func spoilNetwork(w *world, n int) {
	round := n / 6
	links := []string{linkListen, linkPostgres, linkRedis, linkProvider, []string{linkClient, linkClient1}[round%2], []string{linkWebhook, linkWebhook1}[round%2]}
	toxics := []string{
		`{"type":"timeout","stream":"downstream","attributes":{"timeout":0}}`, // a black hole, the one that tells no error
		`{"type":"latency","stream":"downstream","attributes":{"latency":300,"jitter":250}}`,
		`{"type":"reset_peer","stream":"downstream","attributes":{"timeout":20}}`,
		fmt.Sprintf(`{"type":"limit_data","stream":"downstream","attributes":{"bytes":%d}}`, 40+w.random.n(4000)),
		`{"type":"bandwidth","stream":"downstream","attributes":{"rate":8}}`,
		`{"type":"slicer","stream":"downstream","attributes":{"average_size":8,"size_variation":4,"delay":200}}`,
	}
	link, toxic := links[n%6], toxics[(n+round)%6]
	if w.primary.Load() == 1 && (link == linkPostgres || link == linkListen) {
		link = linkStandby // where the primary is now
	}
	heal := w.network.spoil(w.t, link, toxic)
	if full() {
		w.linger(8*time.Second, 12*time.Second)
	} else {
		w.linger(3*time.Second, 5*time.Second)
	}
	heal()
	w.back()
}

// freeze stops a process and lets it go on as if nothing had been.
func freeze(w *world, n int) {
	p := w.victims()[w.random.n(len(w.victims()))]
	lengths := []time.Duration{5 * time.Second}
	if full() {
		lengths = []time.Duration{5 * time.Second, 5 * time.Second, 35 * time.Second, 5 * time.Second, 5 * time.Second, 90 * time.Second}
	}
	p.signal(syscall.SIGSTOP)
	<-time.After(lengths[n%len(lengths)])
	p.signal(syscall.SIGCONT)
	w.back()
}

// terminate stops processes in order, as a rolling restart does: nothing may come of it.
func terminate(w *world, n int) {
	p := w.victims()[n%len(w.victims())]
	before, began := p.started(), time.Now()
	p.signal(syscall.SIGTERM)
	if !within(time.Minute, func() bool { return p.started() > before }) {
		w.t.Errorf("%s does not stop", p.name)
	}
	if took := time.Since(began); took > 30*time.Second {
		w.t.Errorf("%s took %v to stop", p.name, took)
	}
	w.eventually(p.name+" is back", patience, p.ready)
	w.linger(100*time.Millisecond, 500*time.Millisecond)
}

// shiftClock moves the clock of the database while everything goes on.
func shiftClock(w *world, n int) {
	shift := []string{"10 minutes", "-10 minutes", "-1 hour"}[n%3]
	if err := w.exec("UPDATE app.clock SET shift = $1::text::interval", shift); err != nil {
		w.t.Fatal(err)
	}
	w.linger(3*time.Second, 5*time.Second)
	if err := w.exec("UPDATE app.clock SET shift = '0'"); err != nil {
		w.t.Fatal(err)
	}
	w.linger(time.Second, 2*time.Second)
}
