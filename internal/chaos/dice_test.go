package chaos

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// dice makes the choices of one fault or of one doer of the load. Each has its own, by its name: what others draw meanwhile, and how often,
// changes nothing, so that the same seed makes the same faults.
type dice struct {
	mu    sync.Mutex
	r     *rand.Rand
	drawn strings.Builder
}

func newDice(seed uint64, name string) *dice {
	of := fnv.New64a()
	_, _ = of.Write([]byte(name)) // never fails
	return &dice{r: rand.New(rand.NewPCG(seed, of.Sum64()))}
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	drawn := d.r.IntN(n)
	if d.drawn.Len() < 1000 { // one of a subscriber draws for hours
		fmt.Fprintf(&d.drawn, " %d/%d", drawn, n)
	}
	return drawn
}

func (d *dice) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.n(int((most-least)/time.Microsecond)+1))*time.Microsecond
}

// say adds to what was drawn what it meant.
func (d *dice) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(&d.drawn, " "+format, args...)
}

// String tells what was drawn so far.
func (d *dice) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.TrimSpace(d.drawn.String())
}
