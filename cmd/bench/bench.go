package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// measure is one line of the goals.
type measure struct {
	id, what, goal string
	run            func(ctx context.Context, b *bench, m measure) error
}

// row is one line of the table.
type row struct {
	ID     string  `json:"id"`
	What   string  `json:"what"`
	Ours   float64 `json:"ours"`
	Unit   string  `json:"unit"`
	Beside float64 `json:"beside"` // the limit or stand-in; 0: none
	Name   string  `json:"name"`   // of what is beside
	Ratio  float64 `json:"ratio"`  // what the goal is about
	Goal   string  `json:"goal"`
	OK     bool    `json:"reached"`
}

// bench gathers the rows of one run.
type bench struct {
	*place
	options options
	rows    []row
}

func (b *bench) add(r row) { b.rows = append(b.rows, r) }

// side is one contestant: it returns its figure.
type side func(ctx context.Context) (float64, error)

// compare measures both sides in turns and returns their medians.
func (b *bench) compare(ctx context.Context, name string, ours, beside side) (our, other float64, err error) {
	var all [2][]float64
	for i := range b.options.rounds {
		if i == 1 {
			b.profile(ctx, name)
		}
		for n, s := range []side{ours, beside} {
			if s == nil {
				continue
			}
			figure, err := s(ctx)
			if err != nil {
				return 0, 0, err
			}
			all[n] = append(all[n], figure)
		}
	}
	return median(all[0]), median(all[1]), nil
}

// faster adds a row for a rate: the goal is to have at least the given part of the other side.
func (b *bench) faster(ctx context.Context, m measure, what, unit, name string, atLeast float64, ours, beside side) error {
	our, other, err := b.compare(ctx, m.id, ours, beside)
	if err != nil {
		return err
	}
	ratio := our / other
	b.add(row{m.id, what, our, unit, other, name, ratio, fmt.Sprintf(">= %g", atLeast), ratio >= atLeast})
	return nil
}

// quoted adds a row beside a figure that was measured elsewhere and cannot be measured here.
func (b *bench) quoted(m measure, what string, our float64, unit string, fixed float64, name string, atLeast float64) {
	b.add(row{m.id, what, our, unit, fixed, name + " (fixed figure)", our / fixed, fmt.Sprintf(">= %g", atLeast), our/fixed >= atLeast})
}

// within adds a row for a figure that must not be above a limit.
func (b *bench) within(m measure, what string, our float64, unit string, most float64) {
	b.add(row{m.id, what, our, unit, 0, "", our, fmt.Sprintf("<= %g %s", most, unit), our <= most})
}

func median[T cmp.Ordered](values []T) T { return quantile(values, 0.5) }

func quantile[T cmp.Ordered](values []T, q float64) (v T) {
	if len(values) == 0 {
		return v
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (b *bench) print(w io.Writer, took time.Duration) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "id\tmeasure\tours\tbeside\t\tratio\tgoal\treached")
	for _, r := range b.rows {
		beside, reached := "", "no"
		if r.Beside != 0 {
			beside = fmt.Sprintf("%s %s", number(r.Beside), r.Unit)
		}
		if r.OK {
			reached = "yes"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.What, number(r.Ours), r.Unit, beside, r.Name, number(r.Ratio), r.Goal, reached)
	}
	_ = t.Flush()
	_, _ = fmt.Fprintf(w, "\n%d rounds, %s in all\n", b.options.rounds, took.Round(time.Second))
}

func number(f float64) string {
	if f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}

// write keeps the rows as JSON.
func (b *bench) write(path string) error {
	text, err := json.MarshalIndent(struct {
		At   time.Time `json:"at"`
		Rows []row     `json:"rows"`
	}{time.Now().UTC(), b.rows}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}
