package main

import (
	"math"
	"testing"
)

func TestKneeIsFoundFromBothSides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, limit float64 }{{100, 950}, {400, 1200}, {5000, 950}, {950, 950}, {100, 101}} {
		tried := 0
		holds := func(rate float64) bool { tried++; return rate <= c.limit }
		got := findKnee(c.from, holds)
		if got > c.limit || got < c.limit/math.Pow(stride, 0.25)/1.001 {
			t.Errorf("from %g: knee %g of a limit of %g", c.from, got, c.limit)
		}
		if tried > 12 {
			t.Errorf("from %g: %d tries", c.from, tried)
		}
		for _, moved := range []float64{0.8, 1, 1.3} {
			limit := c.limit * moved
			again := refineKnee(got, func(rate float64) bool { return rate <= limit })
			if again > limit || again < limit/fineStep/1.001 {
				t.Errorf("refined %g to %g when the limit is %g", got, again, limit)
			}
		}
	}
}

func TestKneeOfNothingEnds(t *testing.T) {
	t.Parallel()
	if got := findKnee(400, func(float64) bool { return false }); got > 1 {
		t.Errorf("knee %g of something that holds nothing", got)
	}
	if got := findKnee(400, func(float64) bool { return true }); got < 400_000 {
		t.Errorf("knee %g of something that holds everything", got)
	}
}
