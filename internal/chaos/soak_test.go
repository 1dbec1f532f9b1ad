package chaos

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// TestSoak works for CHAOS_SOAK with a fault every 30 s, and judges at the end: the ledger, and that no process has grown goroutines that
// nobody ends. It is the one test that somebody has to ask for, because it takes as long as one wishes.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("CHAOS_SOAK"))
	if err != nil {
		t.Skip("set CHAOS_SOAK to a duration, such as 1h")
	}
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("CHAOS_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("CHAOS_SEED=%d", seed)
	w := newWorld(t, seed)
	began := time.Now()
	// Ten times the stated day: 144,000 in and as many out in 24 hours are 17 a second each.
	w.startLoad(rates{inbound: 17, replies: 8, notifications: 9, operations: 2})
	cycles := 0
	for time.Since(began) < length {
		every := time.After(30 * time.Second)
		kinds := campaigns()
		c := kinds[w.random.n(len(kinds)-1)] // not the clock: it would loosen what is judged
		c.cycle(w, w.random.n(1000))
		cycles++
		if left := length - time.Since(began); left > 0 {
			select {
			case <-every:
			case <-time.After(left):
			}
		}
	}
	w.rest()
	for _, p := range w.processes()[1:] {
		goroutines := w.metric(p, "go_goroutines")
		t.Logf("%s: %v goroutines, %v MB resident, %v connections to Postgres", p.name, goroutines,
			int(w.metric(p, "process_resident_memory_bytes"))>>20, w.metric(p, "switchboard_db_connections_open"))
		if goroutines > 500 {
			t.Errorf("%s has %v goroutines at rest", p.name, goroutines)
		}
	}
	w.tally("soak", cycles, w.judge(), began)
}

// metric reads one number of a process.
func (w *world) metric(p *process, name string) float64 {
	w.t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get("http://" + p.admin + "/metrics")
	if err != nil {
		w.t.Error(err)
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Error(err)
	}
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		w.t.Errorf("%s has no metric %s", p.name, name)
		return 0
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		w.t.Error(err)
	}
	return value
}
