package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// sheet is a table of Markdown.
type sheet struct {
	title, note string
	head        []string
	rows        [][]string
}

func (s *sheet) add(cells ...string) { s.rows = append(s.rows, cells) }

func (s *sheet) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "\n### %s\n\n%s\n\n| %s |\n|%s\n", s.title, s.note, strings.Join(s.head, " | "), strings.Repeat("---|", len(s.head)))
	for _, r := range s.rows {
		_, _ = fmt.Fprintf(w, "| %s |\n", strings.Join(r, " | "))
	}
}

// growth is one of the tables.
type growth struct {
	name string
	make func(context.Context) (*sheet, error)
}

func (b *bench) growths() []growth {
	return []growth{
		{"MESSAGES", b.growMessages}, {"SUBSCRIBERS", b.growSubscribers}, {"TENANTS", b.growTenants}, {"PROCESSES", b.growProcesses},
		{"KNEES", b.growKnees}, {"FLEET", b.growFleet},
	}
}

// grow prints what things cost as the work grows. A table that fails says so and is no end of the others.
func (b *bench) grow(ctx context.Context, w io.Writer) {
	for _, table := range b.growths() {
		if len(b.options.only) > 0 && !b.options.only[table.name] || ctx.Err() != nil {
			continue
		}
		begun := time.Now()
		s, err := table.make(ctx)
		if err != nil {
			_, _ = fmt.Fprintf(w, "\n%s: not measured, %v\n", table.name, err)
			continue
		}
		s.print(w)
		fmt.Fprintf(os.Stderr, "%s (%.0f s)\n", table.name, time.Since(begun).Seconds())
	}
}

// latency calls so many times, one after the other, and returns the median in milliseconds.
func latency(to *process, times int, call func(c *caller, n int) error) (float64, error) {
	c, err := dial(to.url)
	if err != nil {
		return 0, err
	}
	defer c.close()
	took := make([]float64, times)
	for n := range took {
		at := time.Now()
		if err := call(c, n); err != nil {
			return 0, err
		}
		took[n] = ms(time.Since(at))
	}
	return median(took), nil
}

func count(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
