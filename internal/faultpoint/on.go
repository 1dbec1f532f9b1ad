//go:build chaos

package faultpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// Order says what shall happen at a point.
type Order struct {
	Point string `json:"point"`
	// Action is kill (SIGKILL to this process), panic, delay or error; clear forgets the order for the point, or all without one, hits only
	// asks. The answer is always the number of times each point has been passed. There is no barrier that holds one at a point until another is at its own: a
	// test that needs one order of two has it by locks of the database, and those with many processes look for orders that nobody thought of.
	Action string `json:"action"`
	Nth    int    `json:"nth"`    // at which passing from now; 1 when 0
	Millis int    `json:"millis"` // delay: how long; kill: how long after the point, which goes on meanwhile
}

// book holds what is ordered and what has been passed. It is the process's own: points are everywhere, and nobody hands it to them.
type book struct {
	mu     sync.Mutex
	orders map[string]Order
	hits   map[string]int
}

var orders = &book{orders: map[string]Order{}, hits: map[string]int{}}

// Listen takes orders from FAULT_ARM and, until the process ends, from the socket FAULT_SOCK. A build with fault points that cannot listen
// says so and ends: it would prove nothing.
func Listen() {
	if text := os.Getenv("FAULT_ARM"); text != "" {
		var o Order
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			fail(err)
		}
		orders.take(o)
	}
	path := os.Getenv("FAULT_SOCK")
	if path == "" {
		return
	}
	_ = os.Remove(path) // of a process that was killed
	listener, err := net.Listen("unix", path)
	if err != nil {
		fail(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				fail(err)
			}
			go serve(conn)
		}
	}()
}

// Clock returns a clock that is CLOCK_OFFSET ahead of the machine's, or behind it. A process whose offset cannot be read ends: it would
// prove nothing.
func Clock() func() time.Time {
	text := os.Getenv("CLOCK_OFFSET")
	if text == "" {
		return time.Now
	}
	offset, err := time.ParseDuration(text)
	if err != nil {
		fail(err)
	}
	return func() time.Time { return time.Now().Add(offset) }
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "faultpoint:", err)
	os.Exit(1)
}

func serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in, out := json.NewDecoder(conn), json.NewEncoder(conn)
	for {
		var o Order
		if err := in.Decode(&o); err != nil {
			if !errors.Is(err, io.EOF) {
				fmt.Fprintln(os.Stderr, "faultpoint:", err)
			}
			return
		}
		_ = out.Encode(orders.take(o)) // who does not wait for the answer does not get it
	}
}

// take keeps an order and returns how often each point has been passed.
func (b *book) take(o Order) map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch o.Action {
	case "hits":
	case "clear":
		if delete(b.orders, o.Point); o.Point == "" {
			clear(b.orders)
		}
	default:
		o.Nth = max(o.Nth, 1)
		b.orders[o.Point] = o
	}
	passed := make(map[string]int, len(b.hits))
	for point, n := range b.hits {
		passed[point] = n
	}
	return passed
}

// pass counts a passing and returns the order whose time has come.
func (b *book) pass(point string) (Order, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hits[point]++
	o, ok := b.orders[point]
	if !ok {
		return o, false
	}
	if o.Nth--; o.Nth > 0 {
		b.orders[point] = o
		return o, false
	}
	delete(b.orders, point)
	return o, true
}

// Point does what was ordered for the point, usually nothing. It returns an Unavailable error when an error was ordered.
func Point(point string) error {
	o, due := orders.pass(point)
	if !due {
		return nil
	}
	fmt.Fprintf(os.Stderr, "faultpoint: %s at %s\n", o.Action, point)
	wait := time.Duration(o.Millis) * time.Millisecond
	switch o.Action {
	case "kill":
		if wait > 0 {
			time.AfterFunc(wait, die)
			return nil
		}
		die()
	case "panic":
		panic("faultpoint: " + point)
	case "delay":
		time.Sleep(wait)
	case "error":
		return fault.New(fault.Unavailable, "an ordered fault at %s", point)
	}
	return nil
}

// die ends the process as a power cut would, as far as a process can.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
