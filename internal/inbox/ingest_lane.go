package inbox

import (
	"context"
	"slices"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

const (
	// shareMost is how many items one transaction takes at most. A single request with more is taken whole.
	shareMost = 1000
	// commitTimeout ends a transaction that the database does not answer.
	commitTimeout = 20 * time.Second
	// retryAfter is when a provider that was turned away shall come back.
	retryAfter = 2 * time.Second
)

// lane holds the requests of one tenant that wait while its last transaction commits. A lane exists exactly as long as its goroutine.
type lane struct {
	waiting []*share
}

// share is the part of one request that belongs to one tenant.
type share struct {
	tenant   TenantID
	arrivals []arrival
	done     chan error // receives one answer
}

// wait returns the answer, or an Unavailable error when the caller cannot wait longer and no transaction has the share yet. One that has it is waited
// for: it ends soon, and holds the items until then. So what is answered takes no memory, and whoever counts that may stop.
func (in *Ingest) wait(ctx context.Context, s *share) error {
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
	}
	if !in.withdraw(s) {
		return <-s.done
	}
	return fault.Wrap(fault.Unavailable, ctx.Err(), "the webhook could not be stored in time; deliver it again")
}

// withdraw takes the share out of its lane, and reports false when a transaction was first.
func (in *Ingest) withdraw(s *share) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	l, running := in.lanes[s.tenant]
	if !running {
		return false
	}
	i := slices.Index(l.waiting, s)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	in.waiting -= len(s.arrivals)
	return true
}

// admit puts each tenant's part into its lane. All parts are taken or none, so that a full queue does half of nothing.
func (in *Ingest) admit(parts map[TenantID][]arrival) ([]*share, error) {
	items := 0
	for _, arrivals := range parts {
		items += len(arrivals)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	// A request that is larger than the whole queue is taken when nothing else waits, or it would never be.
	if in.closed || in.waiting > 0 && in.waiting+items > in.most {
		return nil, &fault.Error{Code: fault.Unavailable, Message: "too many webhooks are waiting; deliver it again", RetryAfter: retryAfter}
	}
	in.waiting += items
	shares := make([]*share, 0, len(parts))
	for tenant, arrivals := range parts {
		s := &share{tenant: tenant, arrivals: arrivals, done: make(chan error, 1)}
		shares = append(shares, s)
		l, running := in.lanes[tenant]
		if !running {
			l = &lane{}
			in.lanes[tenant] = l
			in.running.Add(1)
			go in.run(tenant, l)
		}
		l.waiting = append(l.waiting, s)
	}
	return shares, nil
}

// Waiting returns how many items wait for a transaction, not counting those in one.
func (in *Ingest) Waiting() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.waiting
}

// run commits what waits in the lane until nothing does. It gives its slot back after every transaction, so that a busy tenant cannot
// keep another one waiting for more than one.
func (in *Ingest) run(tenant TenantID, l *lane) {
	defer in.running.Done()
	for {
		in.slots <- struct{}{}
		shares := in.take(tenant, l)
		if len(shares) > 0 {
			in.commit(tenant, shares)
		}
		<-in.slots
		if len(shares) == 0 {
			return
		}
	}
}

// take returns the requests that share the next transaction, or none, and then the lane is gone.
func (in *Ingest) take(tenant TenantID, l *lane) []*share {
	in.mu.Lock()
	defer in.mu.Unlock()
	items, n := 0, 0
	for n < len(l.waiting) && (n == 0 || items+len(l.waiting[n].arrivals) <= shareMost) {
		items += len(l.waiting[n].arrivals)
		n++
	}
	shares := slices.Clone(l.waiting[:n])
	l.waiting = slices.Delete(l.waiting, 0, n) // and not cut: what stands before a slice is held as long as the slice is
	in.waiting -= items
	if n == 0 {
		delete(in.lanes, tenant)
	}
	return shares
}

// commit stores the shares together. When that fails for another reason than a database that is away, each share gets a transaction of
// its own, and one that still fails is taken item by item: whoever brought the poison is alone with it.
func (in *Ingest) commit(tenant TenantID, shares []*share) {
	var all []arrival
	for _, s := range shares {
		all = append(all, s.arrivals...)
	}
	err := in.transact(tenant, all, together)
	poisoned := err != nil
	for _, s := range shares {
		if poisoned && !fault.Is(err, fault.Unavailable) { // a database that is away is not asked again for each: that takes 20 s
			err = in.alone(tenant, s, err, len(shares) > 1)
		}
		s.done <- err
	}
}

// alone stores one of the shares that failed together with the error, or the only one.
func (in *Ingest) alone(tenant TenantID, s *share, err error, others bool) error {
	if others {
		err = in.transact(tenant, s.arrivals, together)
	}
	if err != nil && !fault.Is(err, fault.Unavailable) {
		in.log.Warn("webhook items are applied one by one", "tenant", tenant.String(), "items", len(s.arrivals), "error", err)
		err = in.transact(tenant, s.arrivals, oneByOne)
	}
	if err != nil {
		in.log.Error("webhook items could not be stored", "tenant", tenant.String(), "items", len(s.arrivals), "error", err)
	}
	return err
}

// mode tells how the items of a transaction hang together.
type mode int

const (
	together mode = iota // one set; any failure undoes all
	oneByOne             // each under a savepoint of its own
)

// transact stores the items in one transaction, and then does what is left to do.
func (in *Ingest) transact(tenant TenantID, arrivals []arrival, how mode) (err error) {
	defer func() {
		if cause := recover(); cause != nil { // the transaction is rolled back; a bug must not end the process
			err = fault.Wrap(fault.Internal, fault.Panicked(cause), "applying webhook items failed unexpectedly")
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	var after aftermath
	err = in.store.InTenant(ctx, tenant, func(tx Tx) error {
		b := newBatch(in, tx, tenant, arrivals)
		if err := b.store(ctx, how); err != nil {
			return err
		}
		after = b.after
		return faultpoint.Point("in.commit")
	})
	_ = faultpoint.Point("in.applied_commit")
	if err == nil {
		in.finish(ctx, tenant, after)
	}
	return err
}

// finish rings for files and tells the operator about receipts, after the commit.
func (in *Ingest) finish(ctx context.Context, tenant TenantID, after aftermath) {
	if in.media != nil && len(after.files) > 0 {
		in.media.FetchSoon(tenant, after.files)
	}
	for _, receipts := range after.receipts {
		receipts.Announce(ctx)
	}
}
