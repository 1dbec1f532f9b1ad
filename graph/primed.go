package graph

import (
	"sync"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	keptPrimed = 16
	// primedAge is how old what a batch's loaders read beyond the snapshot may be; history that is rendered later reads again.
	primedAge = 2 * time.Second
)

// primedLoaders keeps the loaders of the newest batches, so that what the cohorts of a batch read beyond its snapshot is read once for
// all of them, and not once a cohort.
type primedLoaders struct {
	resolver *Resolver
	mu       sync.Mutex
	kept     []primedBatch // oldest first
}

type primedBatch struct {
	snapshot *inbox.Snapshot
	loaders  *loaders
	made     time.Time
}

// of returns loaders that know what the snapshot holds.
func (p *primedLoaders) of(snapshot *inbox.Snapshot) *loaders {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.kept {
		if b := &p.kept[i]; b.snapshot == snapshot {
			if time.Since(b.made) > primedAge {
				b.loaders, b.made = p.make(snapshot), time.Now()
			}
			return b.loaders
		}
	}
	if len(p.kept) == keptPrimed {
		p.kept = append(p.kept[:0], p.kept[1:]...)
	}
	p.kept = append(p.kept, primedBatch{snapshot: snapshot, loaders: p.make(snapshot), made: time.Now()})
	return p.kept[len(p.kept)-1].loaders
}

func (p *primedLoaders) make(snapshot *inbox.Snapshot) *loaders {
	l := newLoaders(p.resolver)
	l.prime(snapshot)
	return l
}
