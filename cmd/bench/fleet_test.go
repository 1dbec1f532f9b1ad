package main

import (
	"slices"
	"testing"
)

// TestFleetArithmetic computes a fleet by hand: 3,600 messages an hour are one a second.
func TestFleetArithmetic(t *testing.T) {
	t.Parallel()
	d := demand{tenants: 10, perHour: 3600, inbound: 0.5, peak: 2, online: 4, framesIn: 1, framesOut: 3, use: 0.5}
	c := costs{frame: 1000, socket: 1024, in: message{serve: 2, postgres: 6, wal: 1000, stored: 3000, rows: 4}, out: message{serve: 4, work: 8, postgres: 10,
		redis: 1, wal: 3000, stored: 5000, rows: 6}}
	got := map[string]string{}
	for _, line := range d.plan(c) {
		got[line[0]] = line[2]
	}
	for what, want := range map[string]string{
		"messages/s": "1 in, 1 out", "frames/s": "16",
		"cores for `serve`":  "0.044", // (2 + 4 + 16 × 1) ms of a second, half of a core
		"cores for `work`":   "0.016",
		"cores for Postgres": "0.032",
		"cores for Redis":    "0.002",
		"memory of sockets":  "40 MiB",
		"WAL a day":          "0.173 GB", // 86,400 × 2,000
		"storage a month":    "10.4 GB",  // 2,592,000 × 4,000
		"rows a month":       "0.013 thousand million",
	} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
}

func TestWhatIsUsedUpFirst(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]observation{
		"processors, most of them for Postgres": {machine: 1.9, flushing: 0.9, cores: map[string]float64{"serve": 0.5, "Postgres": 0.9}},
		"flushing the WAL":                      {machine: 1.2, flushing: 0.8, cores: map[string]float64{"serve": 0.5}},
		"none: it waits for locks and answers":  {machine: 1.2, flushing: 0.2, cores: map[string]float64{"serve": 0.5}},
	} {
		if got := o.usedUp(2); got != want {
			t.Errorf("%+v: %q, want %q", o, got, want)
		}
	}
}

func TestCountsAreReadable(t *testing.T) {
	t.Parallel()
	if got, want := []string{count(7), count(1000), count(1234567)}, []string{"7", "1,000", "1,234,567"}; !slices.Equal(got, want) {
		t.Errorf("counts %v, want %v", got, want)
	}
}
