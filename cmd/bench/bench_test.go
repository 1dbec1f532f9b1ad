package main

import (
	"context"
	"errors"
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
