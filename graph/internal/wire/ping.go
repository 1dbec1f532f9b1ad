package wire

import (
	"sync"
	"time"
)

// pingSlots is how many parts of the period the sockets are spread over.
const pingSlots = 20

// pings asks every socket for a sign of life once in a period, with one timer for all of them.
type pings struct {
	every time.Duration

	mu    sync.Mutex
	slots [pingSlots]map[*session]struct{}
	turn  int
	count int
	ticks bool      // the timer runs
	next  time.Time // when it fires
}

// add begins to ping the socket, for the first time after a period. It returns its slot.
func (p *pings) add(s *session) (slot int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slots[p.turn] == nil {
		p.slots[p.turn] = map[*session]struct{}{}
	}
	p.slots[p.turn][s] = struct{}{}
	if p.count++; !p.ticks {
		p.next = time.Now()
		p.wind()
	}
	return p.turn
}

// wind sets the timer. It counts from when it should have fired, so that a period stays one however late the machine is.
func (p *pings) wind() {
	p.ticks, p.next = true, p.next.Add(p.every/pingSlots)
	time.AfterFunc(time.Until(p.next), p.tick)
}

func (p *pings) remove(s *session, slot int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.slots[slot][s]; known {
		delete(p.slots[slot], s)
		p.count--
	}
}

// tick pings the sockets of the next slot, until there are none in any.
func (p *pings) tick() {
	p.mu.Lock()
	if p.ticks = p.count > 0; p.ticks {
		p.wind()
	}
	p.turn = (p.turn + 1) % pingSlots
	due := make([]*session, 0, len(p.slots[p.turn]))
	for s := range p.slots[p.turn] {
		due = append(due, s)
	}
	p.mu.Unlock()
	for _, s := range due {
		s.ping()
	}
}
