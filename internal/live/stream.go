package live

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	pageSize   = 256      // events read at once
	keptItems  = 512      // newest items kept for those that come back soon
	keptLoaded = pageSize // of these, how many keep what they point to; the others load it again
	readLimit  = 10 * time.Second
)

// stream follows one tenant: it reads each new event once and offers it to every live member of every group.
type stream struct {
	hub     *Hub
	tenant  inbox.TenantID
	ready   chan struct{} // closed when started, or failed
	failed  error
	history history
	access  accesses
	next    time.Time // when to read again at the earliest; only whoever reads touches it

	mu      sync.Mutex
	retired bool
	reading bool
	lost    bool // the database is no longer where we have read to; the next read starts over
	epoch   string
	last    int64 // the newest event that was offered, or is being offered
	heard   int64 // the newest event that we know to have been committed
	said    int64 // the newest event that a notice told of since the last look; anybody can send one, so it is a reason to look and no more
	groups  map[Audience]*group
	members int
	left    time.Time     // when the last member left
	recent  []*Item       // the newest items without a gap, up to last
	turned  chan struct{} // closed when the stream starts over or is retired; another one takes its place
}

// group is the subscribers of one audience.
type group struct {
	audience Audience
	members  map[*subscription]struct{} // live or catching up
	roll     []*subscription            // the live ones; nil when it must be made anew
}

func newStream(h *Hub, tenant inbox.TenantID) *stream {
	s := &stream{hub: h, tenant: tenant, ready: make(chan struct{}), groups: map[Audience]*group{}, left: time.Now(),
		turned: make(chan struct{})}
	s.history.init()
	s.access.init()
	return s
}

// start learns where the tenant's stream stands.
func (s *stream) start() {
	defer close(s.ready)
	ctx, cancel := context.WithTimeout(s.hub.ctx, readLimit)
	defer cancel()
	var page inbox.EventPage
	err := s.guard(func() (err error) {
		page, err = s.hub.cfg.Source.Events(ctx, s.tenant, 0, 0, nil)
		return err
	})
	if err != nil {
		s.failed = err
		s.hub.forget(s)
		return
	}
	s.mu.Lock()
	s.epoch, s.last = page.Epoch, page.Head
	s.mu.Unlock()
	s.wake(0) // what was committed since we looked may have been announced before we could listen
}

// wake tells that there are events up to seq.
func (s *stream) wake(seq int64) {
	s.mu.Lock()
	start := s.hearLocked(seq)
	s.mu.Unlock()
	if start {
		s.hub.spawn(s.read)
	}
}

// hint tells that somebody says there are events up to seq.
func (s *stream) hint(seq int64) {
	s.mu.Lock()
	s.said = max(s.said, seq)
	start := s.hearLocked(0)
	s.mu.Unlock()
	if start {
		s.hub.spawn(s.read)
	}
}

// hearLocked notes that there are events up to seq and reports whether the caller must begin to read.
func (s *stream) hearLocked(seq int64) (start bool) {
	s.heard = max(s.heard, seq)
	start = s.epoch != "" && !s.reading && !s.retired && (s.lost || s.heard > s.last || s.said > s.last)
	s.reading = s.reading || start
	return start
}

// standing is where a stream has read to.
type standing struct {
	inbox.Cursor
	turned chan struct{} // the stream's at that time
}

func (s *stream) standing() standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return standing{inbox.Cursor{Epoch: s.epoch, Seq: s.last}, s.turned}
}

// compare takes the head that the database told after the stream stood where it stood, and reports whether the one goes on from the other. It
// does not when the database was restored, or taken over by a standby that lacked the last commits: what was read is not in it. Nor does it when
// the stream has started over meanwhile: the head may be one of the numbering before.
func (s *stream) compare(stood standing, head inbox.Cursor) (goesOn bool) {
	goesOn = stood.Epoch == "" || head.Epoch == stood.Epoch && head.Seq >= stood.Seq
	s.mu.Lock()
	if s.turned != stood.turned {
		s.mu.Unlock()
		return false
	}
	if !goesOn {
		s.lost, head.Seq = true, 0
	}
	start := s.hearLocked(head.Seq)
	s.mu.Unlock()
	if start {
		s.hub.spawn(s.read)
	}
	return goesOn
}

// read reads and offers until nothing is left. It is the only goroutine that advances the stream. A failure is tried again until the
// Hub ends: subscribers wait, and miss nothing.
func (s *stream) read() {
	for failures := 0; s.hub.ctx.Err() == nil; {
		more, err := s.tryPage()
		switch {
		case err != nil:
			failures++
			s.hub.cfg.Log.Warn("live: events cannot be read; trying again", "tenant", s.tenant, "error", err)
			pause(s.hub.ctx, failures)
		case !more:
			return
		default:
			failures = 0
		}
	}
}

// readPage reads and offers the events after the last one, when the stream has rested. It returns whether there may be more; when not, the
// stream is no longer being read.
func (s *stream) readPage() (more bool, err error) {
	sleep(s.hub.ctx, time.Until(s.next))
	s.mu.Lock()
	after, epoch, target, lost := s.last, s.epoch, max(s.heard, s.last), s.lost
	s.said = 0 // this look finds out; what is said from here on needs another one
	audiences := make([]Audience, 0, len(s.groups))
	for audience := range s.groups {
		audiences = append(audiences, audience)
	}
	s.mu.Unlock()
	want := func(e *inbox.Event) (inbox.Reach, bool) { return wantedBy(audiences, e) }
	limit := pageSize
	if lost { // where it stands now is all that matters; what came before may be what panicked
		after, limit, want = 0, 0, nil
	}
	page, err := s.fetch(after, limit, want)
	if err != nil {
		return false, err
	}
	gap := len(page.Events) > 0 && page.Events[0].Seq != after+1 || len(page.Events) == 0 && page.Head > after
	if lost || page.Epoch != epoch || page.Head < target || gap { // what we knew of had been committed
		s.begin(page)
		return true, nil
	}
	items := itemsOf(page.Events, page.Epoch)
	if page.Snapshot != nil {
		loaded := loadingOf(page.Snapshot)
		for _, item := range items {
			if _, wanted := want(&item.Event); wanted {
				item.loaded.Store(loaded)
			}
		}
	}
	if len(items) > 0 {
		s.offer(items, s.advance(items))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	more = len(page.Events) == pageSize || s.lost || s.heard > target && s.heard > s.last || s.said > s.last
	s.reading = more
	return more, nil
}

// fetch reads a page in its turn: only so many tenants are read at the same time, and only so often.
func (s *stream) fetch(after int64, limit int, want inbox.Want) (inbox.EventPage, error) {
	select {
	case s.hub.slots <- struct{}{}:
		defer func() { <-s.hub.slots }()
	case <-s.hub.ctx.Done():
		return inbox.EventPage{}, s.hub.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(s.hub.ctx, readLimit)
	defer cancel()
	begun := time.Now()
	page, err := s.hub.cfg.Source.Events(ctx, s.tenant, after, limit, want)
	now := time.Now()
	if rest := s.hub.pace.spend(now.Sub(begun), now); len(page.Events) < pageSize { // a full page left some behind
		s.next = now.Add(rest)
	}
	return page, err
}

// begin starts over where the page stands: the numbering is another one or has gone back, or history was cut off before it was read. Whoever listens
// must query afresh.
func (s *stream) begin(page inbox.EventPage) {
	s.hub.cfg.Log.Warn("live: the stream starts over; subscribers must query afresh", "tenant", s.tenant)
	s.mu.Lock()
	s.epoch, s.last, s.heard, s.recent, s.lost = page.Epoch, page.Head, page.Head, nil, false
	s.history.clear()
	s.access.clear()
	before := s.everybodyLocked() // whoever enters from here on begins in what is new
	close(s.turned)
	s.turned = make(chan struct{})
	s.mu.Unlock()
	for _, sub := range before {
		sub.doom(CursorUnknown)
	}
}

// advance makes the items the stream's newest and returns who is live at this moment. Whoever turns live later has had the items, and what was read
// before of his access no longer holds if they change it.
func (s *stream) advance(items []*Item) []roll {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, item := range items {
		if changesAccess(&item.Event) {
			s.access.changed(&item.Event)
		}
	}
	s.last = items[len(items)-1].Seq
	s.heard = max(s.heard, s.last)
	s.recent = append(s.recent, items...)
	if surplus := len(s.recent) - keptItems; surplus > 0 {
		s.recent = append([]*Item(nil), s.recent[surplus:]...)
	}
	if old := len(s.recent) - keptLoaded; old > 0 {
		for _, item := range s.recent[max(0, old-len(items)):old] {
			item.loaded.Store(nil)
		}
	}
	rolls := make([]roll, 0, len(s.groups))
	for _, g := range s.groups {
		rolls = append(rolls, roll{audience: g.audience, members: g.live()})
	}
	return rolls
}

// wantedBy returns how much of what the event points to the audiences need, and whether any of them wants it.
func wantedBy(audiences []Audience, e *inbox.Event) (reach inbox.Reach, wanted bool) {
	for _, audience := range audiences {
		if audience.Wants(e) {
			reach, wanted = reach.And(audience.Needs()), true
		}
	}
	return reach, wanted
}

func itemsOf(events []inbox.Event, epoch string) []*Item {
	block := make([]Item, len(events))
	items := make([]*Item, len(events))
	for i, e := range events {
		block[i].Event, block[i].Epoch = e, epoch
		items[i] = &block[i]
	}
	return items
}

// pause waits before another try: 100 ms at first, 2 s at most, with jitter.
func pause(ctx context.Context, failures int) {
	wait := min(100*time.Millisecond<<min(failures-1, 10), 2*time.Second)
	sleep(ctx, wait/2+rand.N(wait/2))
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func closed() error {
	return fault.New(fault.Unavailable, "this server is shutting down; reconnect")
}
