package live

import (
	"sync"
	"time"
)

const (
	readingShare  = 4                     // reading may take one second in so many,
	readingCredit = 20 * time.Millisecond // and this much at once
	longestRest   = 60 * time.Millisecond // how long a stream rests at most between two reads
)

// pace keeps the readers of a process from taking more than their share of its time. Events that are committed while a stream rests are
// read and told together: each costs the database and the sockets less, and those who write are not slowed down by those who watch.
// While there is little to read, nobody rests.
type pace struct {
	mu   sync.Mutex
	debt time.Duration // what reading took beyond its share
	at   time.Time     // when that was so
}

// spend notes that a read has taken so long, and returns how long its stream shall rest before the next one.
func (p *pace) spend(took time.Duration, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	paid := now.Sub(p.at) / readingShare
	p.debt = min(max(0, p.debt-paid)+took, readingCredit+longestRest)
	p.at = now
	return min(readingShare*max(0, p.debt-readingCredit), longestRest)
}
