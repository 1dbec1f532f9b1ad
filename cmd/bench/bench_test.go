package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestQuantiles(t *testing.T) {
	t.Parallel()
	values := []float64{9, 1, 8, 2, 7, 3, 6, 4, 5, 10}
	for q, want := range map[float64]float64{0: 1, 0.5: 6, 0.9: 10, 0.99: 10, 1: 10} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %g is %g, want %g", q, got, want)
		}
	}
	if values[0] != 9 {
		t.Error("the caller's values were sorted")
	}
	if got := quantile([]float64(nil), 0.5); got != 0 {
		t.Errorf("the median of nothing is %g", got)
	}
}

func TestSidesTakeTurnsAtBeginning(t *testing.T) {
	t.Parallel()
	var order string
	take := func(name string, figure float64) side {
		return plain(func(context.Context) (float64, error) { order += name; return figure, nil })
	}
	b := &bench{options: options{rounds: 4}}
	ours, other, err := b.compare(t.Context(), "P0", take("a", 3), take("b", 7))
	if err != nil || order != "abbaabba" || ours.figure() != 3 || other.figure() != 7 {
		t.Errorf("order %s, figures %g and %g, error %v", order, ours.figure(), other.figure(), err)
	}
	broken := errors.New("broken")
	if _, _, err := b.compare(t.Context(), "P0", func(context.Context) (sample, error) { return sample{}, broken }, nil); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestUnknownMeasuresAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		only    string
		growth  bool
		unknown string
	}{{"P1", false, ""}, {"P99", false, "P99"}, {"FLEET", false, "FLEET"}, {"FLEET", true, ""}, {"P1", true, "P1"}} {
		err := options{only: map[string]bool{c.only: true}, growth: c.growth}.known()
		if c.unknown == "" && err != nil || c.unknown != "" && (err == nil || !strings.Contains(err.Error(), "no measure "+c.unknown+";")) {
			t.Errorf("%s, growth %t: %v", c.only, c.growth, err)
		}
	}
}

func TestRatioToNothingCostsNoOtherFigure(t *testing.T) {
	t.Parallel()
	b := &bench{rows: []row{{ID: "P1", Ours: 3, Ratio: math.Inf(1)}, {ID: "P2", Ours: 4, Ratio: math.NaN()}, {ID: "P3", Ours: 5, Ratio: 0.5}}}
	path := filepath.Join(t.TempDir(), "bench.json")
	if err := b.write(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Rows []struct {
			ID    string
			Ours  float64
			Ratio *float64
		}
	}
	if err := json.Unmarshal(text, &kept); err != nil || len(kept.Rows) != 3 {
		t.Fatalf("%s: %v", text, err)
	}
	for i, r := range kept.Rows {
		if r.ID != b.rows[i].ID || r.Ours != b.rows[i].Ours || (r.Ratio != nil) != (i == 2) {
			t.Errorf("row %d is %+v", i, r)
		}
	}
}
