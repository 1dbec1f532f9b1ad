package main

import "math"

// The steps of a search: doubling would take a rate far beyond what can be held, whose backlog has to be worked off before the next one.
const (
	stride    = 1.5
	fineStep  = 1.1
	mostTries = 40
)

// findKnee returns about the highest rate that can be held: it strides up until one cannot, or down until one can, and halves the gap twice.
func findKnee(from float64, holds func(perSecond float64) bool) float64 {
	good, bad := from, from
	if holds(from) {
		for bad = from * stride; holds(bad) && bad < from*1000; bad *= stride {
			good = bad
		}
	} else {
		for good = from / stride; good > 1 && !holds(good); good /= stride {
			bad = good
		}
	}
	for range 2 {
		middle := geometric(good, bad)
		if holds(middle) {
			good = middle
		} else {
			bad = middle
		}
	}
	return good
}

// refineKnee looks again, around what was found before.
func refineKnee(at float64, holds func(perSecond float64) bool) float64 {
	if !holds(at) {
		for tries := 0; tries < mostTries; tries++ {
			if at /= fineStep; holds(at) {
				break
			}
		}
		return at
	}
	for tries := 0; tries < mostTries && holds(at*fineStep); tries++ {
		at *= fineStep
	}
	return at
}

func geometric(a, b float64) float64 { return math.Sqrt(a * b) }
