package live

import (
	"testing"
	"time"
)

// LongestRest is how long a stream rests at most between two reads.
const LongestRest = longestRest

// Nobody rests while reading takes less than its share; beyond it streams rest, but never for long, and a pause forgives all.
func TestReadersRestWhenReadingTakesTooMuch(t *testing.T) {
	t.Parallel()
	p, now := &pace{}, time.Unix(1_800_000_000, 0)
	longest := func(reads int, took, apart time.Duration) (rest time.Duration) {
		for range reads {
			now = now.Add(apart)
			rest = max(rest, p.spend(took, now))
		}
		return rest
	}
	if rest := longest(1000, 3*time.Millisecond, 15*time.Millisecond); rest != 0 {
		t.Errorf("a fifth of the time: a rest of %v", rest)
	}
	if rest := longest(12, 3*time.Millisecond, 4*time.Millisecond); rest == 0 || rest >= longestRest {
		t.Errorf("three quarters of the time, for a moment: a rest of %v", rest)
	}
	if rest := longest(1000, 3*time.Millisecond, time.Millisecond); rest != longestRest {
		t.Errorf("three times as long as there is, by several readers: a rest of %v, want %v", rest, longestRest)
	}
	if rest := longest(1, 3*time.Millisecond, 400*time.Millisecond); rest != 0 {
		t.Errorf("after a pause: a rest of %v", rest)
	}
}
