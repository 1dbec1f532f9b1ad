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
	stop, watched, spared := make(chan struct{}), make(chan map[string]series), []*process{w.serve[0], w.work[0]}
	go func() { watched <- w.watch(spared, stop) }()
	kinds := slices.DeleteFunc(campaigns(), func(c campaign) bool { return c.loose || c.disk > 0 }) // they loosen what is judged, or need a disk
	cycles, choice := 0, newDice(w.seed, "soak")
	for time.Since(began) < length {
		next := time.After(min(30*time.Second, length-time.Since(began)))
		w.turn(kinds[choice.n(len(kinds))], choice.n(1000))
		cycles++
		<-next
	}
	close(stop)
	for _, p := range spared {
		if why := p.interrupted(); why != "" {
			t.Error(why)
		}
	}
	flat(t, spared, <-watched)
	w.rest()
	w.giveBack()
	w.tally("soak", cycles, w.judge(false), began)
}

// interrupted says that a process has not lived all the while, or "": what leaks ends with each life, and is not seen.
func (p *process) interrupted() string {
	if n := p.started(); n != 1 {
		return fmt.Sprintf("%s was to be left alone, and has had %d lives: %v", p.name, n, p.endedByItself())
	}
	return ""
}

const (
	openConnections = "postgres connections"
	redisKeys       = "redis keys"
)

// watchable are the series of everything that must not grow, without samples.
func watchable(spared []*process) map[string]series {
	all := map[string]series{openConnections: {most: mostBackends}, redisKeys: {slack: 50}}
	for _, p := range spared {
		for metric, like := range processSeries() {
			all[p.name+" "+metric] = like
		}
	}
	return all
}

// watch takes a sample of everything that must not grow every 10 s.
func (w *world) watch(spared []*process, stop <-chan struct{}) map[string]series {
	all, began := watchable(spared), time.Now()
	note := func(name string, value float64) {
		s := all[name]
		s.at, s.value = append(s.at, time.Since(began)), append(s.value, value)
		all[name] = s
	}
	client, tick := w.redisClient(), time.NewTicker(10*time.Second)
	defer tick.Stop()
	for {
		for name, s := range all {
			s.asked++
			all[name] = s
		}
		for _, p := range spared {
			for metric := range processSeries() {
				if value, err := p.metric(metric); err == nil { // without Redis or Postgres it answers late
					note(p.name+" "+metric, value)
				}
			}
		}
		if sessions, _, err := w.sessions(); err == nil { // it may be down just now
			note(openConnections, float64(sessions))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if keys, err := client.DBSize(ctx).Result(); err == nil { // it may be down just now
			note(redisKeys, float64(keys))
		}
		cancel()
		select {
		case <-stop:
			return all
		case <-tick.C:
		}
	}
}

// bent judges each series that there must be, and returns what is wrong.
func bent(spared []*process, all map[string]series) (wrong []string) {
	for name := range watchable(spared) {
		s := all[name]
		if err := errors.Join(s.sparse(), s.grown(), s.grows(), s.exceeds()); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, err))
		}
	}
	return wrong
}

// flat judges all series, and tells of each what it was.
func flat(t *testing.T, spared []*process, all map[string]series) {
	t.Helper()
	for _, wrong := range bent(spared, all) {
		t.Error(wrong)
	}
	for name, s := range all {
		if len(s.value) == 0 {
			continue
		}
		quarters := ""
		for q := range 4 {
			quarters += fmt.Sprintf(" %.0f", s.level(q))
		}
		t.Logf("%-48s levels of the quarters:%s; slope of the second half %.1f an hour, %.1f at least, over %d samples%s", name, quarters,
			s.slope(), s.trend().least, len(s.value), s.unjudged())
	}
}

// idleConnections are enough for a process that has nothing to do; a pool gives back what was idle for idleTime, and looks every minute.
const (
	idleConnections = 6
	idleTime        = 5 * time.Minute
)

// giveBack waits until nobody has more connections to Postgres than idle processes need: one that is lost to a pool is never given back.
func (w *world) giveBack() {
	w.t.Helper()
	began, most := time.Now(), 0
	if !within(2*idleTime, func() bool {
		<-time.After(time.Second) // nobody is in a hurry
		most = 0
		for _, p := range w.processes()[1:] {
			open, err := p.metric("switchboard_db_connections_open")
			if err != nil {
				return false
			}
			most = max(most, int(open))
		}
		return most <= idleConnections
	}) {
		w.t.Errorf("a process that has had nothing to do for %v has %d connections to Postgres, want %d at most", 2*idleTime, most, idleConnections)
	}
	w.t.Logf("connections were given back after %v: %d at most are open", time.Since(began).Round(time.Second), most)
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
