package chaos

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// series is one number over time, and what is too much of it.
type series struct {
	at    []time.Duration
	value []float64
	asked int     // how often a sample was to be taken
	slack float64 // so much more at the end than in the second quarter is no growth
	floor bool    // what comes and goes lies on top of it, so the low values tell what has stayed
	steep float64 // so much more an hour, over the second half, is growth; 0: not judged so
	most  float64 // it may come and go, but no higher than this; 0: growth is judged, not height
}

const (
	megabyte       = 1 << 20
	residentMemory = "process_resident_memory_bytes"
	mostPooled     = 24 // connections of a process: pool_max_conns of its environment
)

// processSeries are the numbers of a process that must not grow. Garbage comes and goes with collections, goroutines with requests that a busy machine
// keeps waiting: what leaks is found below them. Between the second quarter and the fourth lies half of a soak: honest ones rose by 4 MB, 10,000 objects, 5
// goroutines and 4 keys under a load that rose, and may rise by more than twice as much. So an hour shows 20 MB, 50,000 objects and 24
// goroutines an hour, and nothing slower; two hours show half of that, and the slope of memory shows 1 MB.
func processSeries() map[string]series {
	return map[string]series{
		residentMemory:                    {slack: 10 * megabyte, steep: megabyte},
		"go_memstats_heap_objects":        {slack: 25_000, floor: true},
		"go_goroutines":                   {slack: 12, floor: true},
		"process_open_fds":                {slack: mostPooled + 8}, // a pool follows the load, and so do sockets: 27 more were seen
		"switchboard_db_connections_open": {most: mostPooled},
	}
}

// sparse returns an error when less than half of the samples were got: what is not seen is not flat.
func (s series) sparse() error {
	if s.asked == 0 || 2*len(s.value) < s.asked {
		return fmt.Errorf("was to be sampled %d times, and was %d times", s.asked, len(s.value))
	}
	return nil
}

// grown returns an error when the series does not stay where it was: the last quarter is compared with the second, as the first is for warming up.
func (s series) grown() error {
	if len(s.value) < 8 {
		return fmt.Errorf("only %d samples", len(s.value))
	}
	early, late := s.level(1), s.level(3)
	if s.most == 0 && late > early+s.slack {
		return fmt.Errorf("has grown from %.0f to %.0f", early, late)
	}
	return nil
}

// exceeds returns an error when the last quarter lies higher than it may.
func (s series) exceeds() error {
	if late := s.level(3); s.most > 0 && late > s.most {
		return fmt.Errorf("is %.0f, want %.0f at most", late, s.most)
	}
	return nil
}

// level is the median of a quarter, or a low value of it where only those count: a tenth are lower.
func (s series) level(quarter int) float64 {
	n := len(s.value)
	part := slices.Sorted(slices.Values(s.value[n*quarter/4 : n*(quarter+1)/4]))
	if len(part) == 0 {
		return 0
	}
	if s.floor {
		return part[len(part)/10]
	}
	return part[len(part)/2]
}

// unjudged says why the slope of a series was not judged, or "" when it was, or is not to be.
func (s series) unjudged() string {
	half := s.at[len(s.at)/2:]
	if span := half[len(half)-1] - half[0]; s.steep > 0 && span < trendLength {
		return fmt.Sprintf("; the slope was NOT JUDGED: the second half has %v, and it takes %v to tell a leak from a heap that settles",
			span.Round(time.Second), trendLength)
	}
	return ""
}

// sampledEvery10s is a series like another, of so many samples.
func sampledEvery10s(like series, samples int, value func(i int) float64) series {
	for i := range samples {
		like.at, like.value = append(like.at, time.Duration(i)*10*time.Second), append(like.value, value(i))
	}
	return like
}

// What grows in a soak is seen, through its noise; noise is not.
func TestSeriesThatGrowAreSeen(t *testing.T) {
	t.Parallel()
	noise := func(i int) float64 { return float64(i * 7919 % 11) }
	burst := func(i int) float64 { return map[bool]float64{true: 40}[i >= 270 && i%10 > 3] } // of requests that wait, in the last quarter
	garbage := func(i int) float64 { return float64(i*7919%11) * 30_000 }
	goroutines, objects := processSeries()["go_goroutines"], processSeries()["go_memstats_heap_objects"]
	for name, c := range map[string]struct {
		series series
		says   string
	}{
		"level":             {sampledEvery10s(series{slack: 5}, 400, func(i int) float64 { return 100 + noise(i) }), ""},
		"rising":            {sampledEvery10s(series{slack: 5}, 400, func(i int) float64 { return 100 + noise(i) + float64(i)/8 }), "has grown from 1"},
		"too few":           {sampledEvery10s(series{slack: 5}, 7, noise), "only 7 samples"},
		"waiting requests":  {sampledEvery10s(goroutines, 360, func(i int) float64 { return 46 + noise(i) + burst(i) }), ""},
		"goroutines lost":   {sampledEvery10s(goroutines, 360, func(i int) float64 { return 46 + noise(i) + float64(i)/10 }), "has grown from"},
		"garbage":           {sampledEvery10s(objects, 360, func(i int) float64 { return 150_000 + garbage(i) }), ""},
		"objects lost":      {sampledEvery10s(objects, 360, func(i int) float64 { return 150_000 + garbage(i) + float64(i)*360 }), "has grown from"},
		"a pool that fills": {sampledEvery10s(processSeries()["switchboard_db_connections_open"], 60, func(i int) float64 { return min(10+float64(i), mostPooled) }), ""},
		"beside the pool":   {sampledEvery10s(series{most: mostBackends}, 60, func(i int) float64 { return 70 + float64(i) }), "is 122, want 1"},
		"a moment beside":   {sampledEvery10s(series{most: mostBackends}, 60, func(i int) float64 { return map[bool]float64{true: 200, false: 70}[i%10 == 9] }), ""},
	} {
		said := fmt.Sprint(errors.Join(c.series.grown(), c.series.exceeds()))
		if c.says == "" && said != "<nil>" || !strings.Contains(said, c.says) {
			t.Errorf("of %s it says %q, want %q; levels %.0f and %.0f", name, said, c.says, c.series.level(1), c.series.level(3))
		}
	}
	if rise := sampledEvery10s(series{}, 400, func(i int) float64 { return 100 + noise(i) + float64(i)/8 }).slope(); rise < 40 || rise > 50 {
		t.Errorf("a rise of 45 an hour is %.1f an hour", rise)
	}
}

// soaked is what a soak of an hour saw that grew as it says, an hour; on top of it comes what comes and goes.
func soaked(spared []*process, growth map[string]float64) map[string]series {
	level := map[string]float64{residentMemory: 90 * megabyte, "go_memstats_heap_objects": 276_000, "go_goroutines": 46, openConnections: 70, redisKeys: 124}
	all := watchable(spared)
	for name, s := range all {
		metric := name[strings.LastIndexByte(name, ' ')+1:]
		start, noise := level[metric]+level[name], func(i int) float64 { return float64(i * 7919 % 11) }
		s = sampledEvery10s(s, 360, func(i int) float64 { return start + noise(i)*start/100 + growth[name]*float64(i)/360 })
		s.asked = 400
		all[name] = s
	}
	return all
}

// An hour shows what leaks fast; what an honest soak did is no leak, and what was not looked at is not flat.
func TestASoakIsJudged(t *testing.T) {
	t.Parallel()
	spared := []*process{{name: "serve0", starts: 1}, {name: "work0", starts: 1}}
	honest := map[string]float64{"serve0 process_open_fds": 54, "serve0 go_goroutines": 8, "serve0 " + residentMemory: 8 * megabyte, redisKeys: 8, "serve0 go_memstats_heap_objects": 20_000}
	if said := bent(spared, soaked(spared, honest)); len(said) > 0 {
		t.Errorf("of what an honest soak did: %q", said)
	}
	for name, growth := range map[string]float64{
		"work0 go_goroutines": 28, "serve0 " + residentMemory: 30 * megabyte, redisKeys: 200, "work0 go_memstats_heap_objects": 120_000, "serve0 process_open_fds": 80,
	} {
		if said := bent(spared, soaked(spared, map[string]float64{name: growth})); len(said) != 1 || !strings.HasPrefix(said[0], name+": has grown") {
			t.Errorf("of %s that grows by %.0f an hour it says %q", name, growth, said)
		}
	}
	if said := bent(spared, nil); len(said) != len(watchable(spared)) {
		t.Errorf("of nothing at all it says %q", said)
	}
	seldom := soaked(spared, nil)
	keys := seldom[redisKeys]
	keys.asked = 2*len(keys.value) + 1
	seldom[redisKeys] = keys
	if said := bent(spared, seldom); len(said) != 1 || !strings.Contains(said[0], "was to be sampled 721 times, and was 360 times") {
		t.Errorf("of keys that were seldom seen it says %q", said)
	}
}

// What was to be left alone, and lived more than once, makes a soak prove nothing.
func TestASpareOneLivesOnce(t *testing.T) {
	t.Parallel()
	if said := (&process{name: "work0", starts: 1}).interrupted(); said != "" {
		t.Errorf("of one life it says %q", said)
	}
	if said := (&process{name: "work0", starts: 2}).interrupted(); !strings.Contains(said, "work0 was to be left alone, and has had 2 lives") {
		t.Errorf("of two lives it says %q", said)
	}
}

// A soak too short for its slope to be judged says so.
func TestASlopeThatIsNotJudgedIsTold(t *testing.T) {
	t.Parallel()
	flat := func(int) float64 { return 90 * megabyte }
	for _, c := range []struct {
		length time.Duration
		steep  float64
		told   bool
	}{{time.Hour, megabyte, true}, {10 * time.Second, megabyte, true}, {2*time.Hour + time.Minute, megabyte, false}, {time.Hour, 0, false}} {
		said := sampledEvery10s(series{steep: c.steep}, int(c.length/(10*time.Second)), flat).unjudged()
		if c.told != strings.Contains(said, "NOT JUDGED") {
			t.Errorf("of %v, with %.0f to judge by, it says %q", c.length, c.steep, said)
		}
	}
}
