package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
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
	CPU    *spent  `json:"cpu,omitempty"`
}

// MarshalJSON writes null where a figure is none, such as a ratio to nothing: JSON has no infinity, and one row is not to cost all others.
func (r row) MarshalJSON() ([]byte, error) {
	type plain row
	return json.Marshal(struct {
		plain
		Ours   *float64 `json:"ours"`
		Beside *float64 `json:"beside"`
		Ratio  *float64 `json:"ratio"`
	}{plain(r), finite(r.Ours), finite(r.Beside), finite(r.Ratio)})
}

func finite(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

// spent is the processor time of one operation of either side.
type spent struct {
	Ours   cpu `json:"ours"`
	Beside cpu `json:"beside"`
}

// bench gathers the rows of one run.
type bench struct {
	*place
	options options
	rows    []row
}

func (b *bench) add(r row) { b.rows = append(b.rows, r) }

// sample is what one round of a side has shown.
type sample struct {
	figure float64
	cpu    cpu // of one operation; zero where a round is no number of operations
	calls  int // that were answered; only flood counts them
}

// side is one contestant.
type side func(ctx context.Context) (sample, error)

// plain makes a side of a function that returns a figure alone.
func plain(measured func(ctx context.Context) (float64, error)) side {
	return func(ctx context.Context) (sample, error) {
		figure, err := measured(ctx)
		return sample{figure: figure}, err
	}
}

// results are the samples of a side.
type results []sample

func (r results) figure() float64 {
	figures := make([]float64, len(r))
	for i, s := range r {
		figures[i] = s.figure
	}
	return median(figures)
}

func (r results) cpu() cpu {
	spent := make([]cpu, len(r))
	for i, s := range r {
		spent[i] = s.cpu
	}
	return medianCPU(spent)
}

// warm lets every side work once before it is measured.
func warm(ctx context.Context, sides ...side) error {
	for _, s := range sides {
		if _, err := s(ctx); err != nil {
			return err
		}
	}
	return nil
}

// compare measures both sides in turns. Who begins changes, so that what comes by the clock meets both.
func (b *bench) compare(ctx context.Context, name string, ours, beside side) (our, other results, err error) {
	all := [2]results{}
	sides := [2]side{ours, beside}
	for i := range b.options.rounds {
		if i == 1 {
			b.profile(ctx, name)
		}
		for turn := range sides {
			n := (i + turn) % len(sides)
			if sides[n] == nil {
				continue
			}
			s, err := sides[n](ctx)
			if err != nil {
				return nil, nil, err
			}
			all[n] = append(all[n], s)
		}
	}
	return all[0], all[1], nil
}

// faster adds a row for a rate: the goal is to have at least the given part of the other side.
func (b *bench) faster(ctx context.Context, m measure, what, unit, name string, atLeast float64, ours, beside side) error {
	err := b.beside(ctx, m, what, unit, name, ours, beside)
	if err == nil {
		r := &b.rows[len(b.rows)-1]
		r.Goal, r.OK = fmt.Sprintf(">= %g", atLeast), r.Ratio >= atLeast
	}
	return err
}

// beside adds a row for a rate without a goal.
func (b *bench) beside(ctx context.Context, m measure, what, unit, name string, ours, beside side) error {
	our, other, err := b.compare(ctx, m.id, ours, beside)
	if err != nil {
		return err
	}
	r := row{ID: m.id, What: what, Ours: our.figure(), Unit: unit, Beside: other.figure(), Name: name, Ratio: our.figure() / other.figure(), Goal: "none", OK: true}
	if our.cpu().all() > 0 {
		r.CPU = &spent{our.cpu(), other.cpu()}
	}
	b.add(r)
	return nil
}

// quoted adds a row beside a figure that was measured elsewhere and cannot be measured here.
func (b *bench) quoted(m measure, what string, our float64, unit string, fixed float64, name string, atLeast float64) {
	b.add(row{ID: m.id, What: what, Ours: our, Unit: unit, Beside: fixed, Name: name + " (fixed figure)", Ratio: our / fixed,
		Goal: fmt.Sprintf(">= %g", atLeast), OK: our/fixed >= atLeast})
}

// within adds a row for a figure that must not be above a limit.
func (b *bench) within(m measure, what string, our float64, unit string, most float64) {
	b.add(row{ID: m.id, What: what, Ours: our, Unit: unit, Ratio: our, Goal: fmt.Sprintf("<= %g %s", most, unit), OK: our <= most})
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
