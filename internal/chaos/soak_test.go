package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestSoak works for CHAOS_SOAK with a fault every 30 s, and judges at the end: the ledger, and that nothing has grown. One process that
// serves and one that works are left alone, so that they live as long as the soak. It is the one test that somebody has to ask for,
// because it takes as long as one wishes.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("CHAOS_SOAK"))
	if err != nil {
		t.Skip("set CHAOS_SOAK to a duration, such as 1h")
	}
	w := newWorld(t, build(t), seedOf(t), 0)
	w.spared = 1
	began := time.Now()
	// Ten times the stated day: 144,000 in and as many out in 24 hours are 17 a second each.
	w.startLoad(rates{inbound: 17, replies: 8, notifications: 9, operations: 2})
	w.eventually("the load has found conversations", patience, w.answerable)
	stop, watched := make(chan struct{}), make(chan map[string]series)
	go func() { watched <- w.watch(stop) }()
	kinds := slices.DeleteFunc(campaigns(), func(c campaign) bool { return c.loose || c.disk > 0 }) // they loosen what is judged, or need a disk
	cycles, choice := 0, newDice(w.seed, "soak")
	for time.Since(began) < length {
		next := time.After(min(30*time.Second, length-time.Since(began)))
		w.turn(kinds[choice.n(len(kinds))], choice.n(1000))
		cycles++
		<-next
	}
	close(stop)
	flat(t, <-watched)
	w.rest()
	w.tally("soak", cycles, w.judge(false), began)
}

// series is one number over time.
type series struct {
	at    []time.Duration
	value []float64
	slack float64 // so much more at the end than in the second quarter is no growth, beside a tenth
	steep float64 // and so much more an hour, over the second half, is; 0: not judged so
}

const (
	megabyte       = 1 << 20
	residentMemory = "process_resident_memory_bytes"
)

// watch takes a sample of everything that must not grow every 10 s.
func (w *world) watch(stop <-chan struct{}) map[string]series {
	all, began := map[string]series{}, time.Now()
	note := func(name string, value, slack, steep float64) {
		s := all[name]
		all[name] = series{at: append(s.at, time.Since(began)), value: append(s.value, value), slack: slack, steep: steep}
	}
	client, tick := w.redisClient(), time.NewTicker(10*time.Second)
	defer tick.Stop()
	for {
		for _, p := range []*process{w.serve[0], w.work[0]} {
			for metric, slack := range map[string]float64{
				residentMemory: 8 * megabyte, "go_memstats_heap_objects": 50_000, "go_goroutines": 30, "process_open_fds": 30,
				// A pool follows the load up to its limit; a connection that is never given back is seen at rest, by its transaction.
				"switchboard_db_connections_open": 20,
			} {
				if value, err := p.metric(metric); err == nil { // without Redis or Postgres it answers late
					steep := 0.0
					if metric == residentMemory {
						steep = megabyte
					}
					note(p.name+" "+metric, value, slack, steep)
				}
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if keys, err := client.DBSize(ctx).Result(); err == nil { // it may be down just now
			note("redis keys", float64(keys), 100, 0)
		}
		cancel()
		select {
		case <-stop:
			return all
		case <-tick.C:
		}
	}
}

// flat compares the last quarter of each series with the second, by their medians: the first is for warming up.
func flat(t *testing.T, all map[string]series) {
	t.Helper()
	for name, s := range all {
		if err := errors.Join(s.grown(), s.grows()); err != nil {
			t.Errorf("%s has grown: %v", name, err)
		}
		quarters := ""
		for q := range 4 {
			quarters += fmt.Sprintf(" %.0f", s.median(q))
		}
		t.Logf("%-48s medians of the quarters:%s; slope of the second half %.1f an hour, %.1f at least, over %d samples", name, quarters,
			s.slope(), s.trend().least, len(s.value))
	}
}

// grown returns an error when the series does not stay where it was.
func (s series) grown() error {
	if len(s.value) < 8 {
		return fmt.Errorf("only %d samples", len(s.value))
	}
	early, late := s.median(1), s.median(3)
	if late > early*1.1+s.slack {
		return fmt.Errorf("from %.0f to %.0f", early, late)
	}
	return nil
}

func (s series) median(quarter int) float64 {
	n := len(s.value)
	part := slices.Sorted(slices.Values(s.value[n*quarter/4 : n*(quarter+1)/4]))
	if len(part) == 0 {
		return 0
	}
	return part[len(part)/2]
}

// metric reads one number of the process.
func (p *process) metric(name string) (float64, error) {
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get("http://" + p.admin + "/metrics")
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("%s has no metric %s", p.name, name)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
