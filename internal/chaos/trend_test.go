package chaos

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// trendLength is how long the second half of a soak must be for its slope to be judged: the plan asks for it of a soak of two hours. Until
// then a heap still settles.
const trendLength = time.Hour

// blocks is in how many parts the second half is taken: the medians of parts do not follow what comes and goes.
const blocks = 12

// trend is the change an hour over the second half of a series.
type trend struct {
	slope float64 // Theil and Sen's: the median of the slopes between any two parts
	least float64 // with 97 % certainty it is no less
	span  time.Duration
}

func (s series) trend() trend {
	half := len(s.value) / 2
	at, value := s.at[half:], s.value[half:]
	if len(value) < 2*blocks {
		return trend{}
	}
	var slopes []float64
	middle := func(block int) (hours, median float64) {
		from, to := len(value)*block/blocks, len(value)*(block+1)/blocks
		part := slices.Sorted(slices.Values(value[from:to]))
		return (at[from] + at[to-1]).Hours() / 2, part[len(part)/2]
	}
	for j := range blocks {
		for i := range j {
			x0, y0 := middle(i)
			x1, y1 := middle(j)
			slopes = append(slopes, (y1-y0)/(x1-x0))
		}
	}
	slices.Sort(slopes)
	// Kendall's S of unrelated parts has this deviation; 1.96 of them on either side hold 95 %.
	off := 1.96 * math.Sqrt(blocks*(blocks-1)*(2*blocks+5)/18.0)
	return trend{slope: slopes[len(slopes)/2], least: slopes[int(float64(len(slopes))-off)/2], span: at[len(at)-1] - at[0]}
}

// slope is the change an hour over the second half.
func (s series) slope() float64 { return s.trend().slope }

// grows returns an error when the series becomes more by the hour than it may, for certain.
func (s series) grows() error {
	if tr := s.trend(); s.steep > 0 && tr.span >= trendLength && tr.least > s.steep {
		return fmt.Errorf("has grown by %.0f an hour over the second half, and by %.0f at least; want less than %.0f", tr.slope, tr.least, s.steep)
	}
	return nil
}

// A leak of 3 MB an hour is seen among the comings and goings of a heap, and no leak is seen in them, nor in a warm-up.
func TestTrendIsJudged(t *testing.T) {
	t.Parallel()
	sampled := func(length time.Duration, value func(time.Duration) float64) series {
		r := rand.New(rand.NewPCG(1, 2))
		s := series{slack: 8 * megabyte, steep: megabyte}
		for at := time.Duration(0); at < length; at += 10 * time.Second {
			saw := float64(int(at.Seconds())%140) / 140 * 6 * megabyte // between collections
			s.at, s.value = append(s.at, at), append(s.value, value(at)+saw+r.NormFloat64()*2*megabyte)
		}
		return s
	}
	for name, c := range map[string]struct {
		length time.Duration
		value  func(at time.Duration) float64
		grows  bool
	}{
		"flat":       {2*time.Hour + time.Minute, func(time.Duration) float64 { return 90 * megabyte }, false},
		"leaking":    {2*time.Hour + time.Minute, func(at time.Duration) float64 { return (90 + 3*at.Hours()) * megabyte }, true},
		"warming up": {2*time.Hour + time.Minute, func(at time.Duration) float64 { return (60 + 30*min(at.Hours(), 1)) * megabyte }, false},
		"one outlier": {2*time.Hour + time.Minute, func(at time.Duration) float64 {
			return map[bool]float64{true: 900, false: 90}[at == 2*time.Hour] * megabyte
		}, false},
		"too short": {time.Hour, func(at time.Duration) float64 { return (90 + 3*at.Hours()) * megabyte }, false},
		"shrinking": {3 * time.Hour, func(at time.Duration) float64 { return (90 - 3*at.Hours()) * megabyte }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sampled(c.length, c.value)
			if err := s.grows(); (err != nil) != c.grows {
				t.Errorf("grows says %v for %+v, want an error: %t", err, s.trend(), c.grows)
			}
		})
	}
}
