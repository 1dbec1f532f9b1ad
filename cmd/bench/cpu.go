package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// cpu is processor time in milliseconds, user and system, by who spent it.
type cpu struct {
	App      float64 `json:"app"` // of the product's processes, or of the stand-ins
	Postgres float64 `json:"postgres"`
	Redis    float64 `json:"redis,omitzero"`
}

func (c cpu) all() float64 { return c.App + c.Postgres + c.Redis }

// medianCPU is the median of every part by itself.
func medianCPU(spent []cpu) cpu {
	part := func(of func(cpu) float64) float64 {
		values := make([]float64, len(spent))
		for i, c := range spent {
			values[i] = of(c)
		}
		return median(values)
	}
	return cpu{part(func(c cpu) float64 { return c.App }), part(func(c cpu) float64 { return c.Postgres }), part(func(c cpu) float64 { return c.Redis })}
}

// meter begins to count what the processes and the servers spend; the function it returns says how much that was, an operation.
func meter(parts ...*process) func(operations int) cpu {
	before := readProcesses()
	return func(operations int) cpu {
		spent := readProcesses().of(parts)
		had := before.of(parts)
		each := 1 / float64(max(operations, 1))
		return cpu{(spent.App - had.App) * each, (spent.Postgres - had.Postgres) * each, (spent.Redis - had.Redis) * each}
	}
}

// running is one process of the machine.
type running struct {
	parent int
	name   string
	own    float64 // milliseconds it has spent
	reaped float64 // milliseconds that its children had spent which have ended
}

type processes map[int]running

// readProcesses reads /proc; a process that ends meanwhile is left out, since its parent counts it.
func readProcesses() processes {
	all := processes{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
			if r, ok := parseStat(text); ok {
				all[pid] = r
			}
		}
	}
	return all
}

const tick = 10.0 // milliseconds, of USER_HZ on every Linux that Go runs on

// parseStat reads a line of /proc/*/stat; the name stands in parentheses and may hold any.
func parseStat(text []byte) (r running, ok bool) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return r, false
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 15 {
		return r, false
	}
	number := func(i int) float64 { n, _ := strconv.ParseFloat(fields[i], 64); return n }
	return running{parent: int(number(1)), name: string(text[open+1 : end]), own: (number(11) + number(12)) * tick,
		reaped: (number(13) + number(14)) * tick}, true
}

// of returns what the given processes and our servers have spent since they began.
func (all processes) of(parts []*process) (c cpu) {
	for _, p := range parts {
		if p != nil {
			c.App += all[p.cmd.Process.Pid].own
		}
	}
	self := os.Getpid()
	for pid, r := range all {
		if r.parent != self {
			continue
		}
		switch {
		case r.name == "postgres":
			c.Postgres += r.own + r.reaped + all.childrenOf(pid)
		case slices.Contains([]string{"redis-server", "valkey-server"}, r.name):
			c.Redis += r.own
		}
	}
	return c
}

func (all processes) childrenOf(parent int) (spent float64) {
	for _, r := range all {
		if r.parent == parent {
			spent += r.own
		}
	}
	return spent
}
