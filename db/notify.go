package db

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// eventsChannel is the one channel of all tenants. What goes over it is seen by every listener, so it carries nothing but a tenant's
// id and a number.
const eventsChannel = "switchboard_events"

// notifyGap is how long a NOTIFY is not followed by another. Under load each then tells of many commits, which costs the database and every
// listener less; one after a while of silence goes out at once.
const notifyGap = 5 * time.Millisecond

// A crash of Postgres ends every listener, so there is nobody for whom a notice would have to outlive it: its commit does not wait for the disk.
const notify = `SELECT set_config('synchronous_commit', 'off', true), pg_notify('` + eventsChannel + `', p) FROM unnest($1::text[]) p`

// Notifier tells the other processes that tenants have new events. It has one NOTIFY in flight; what is committed meanwhile, and shortly after,
// goes with the next, and of one tenant only the newest number. NOTIFY takes a lock on the whole cluster at commit, so it must not be part
// of the transactions that write.
type Notifier struct {
	db  *DB
	log *slog.Logger

	mu      sync.Mutex
	pending map[inbox.TenantID]int64
	ring    chan struct{} // has one place: somebody is pending
}

// Notifier returns a Notifier that sends through the DB's pool.
func (d *DB) Notifier() *Notifier {
	return &Notifier{db: d, log: d.log, pending: map[inbox.TenantID]int64{}, ring: make(chan struct{}, 1)}
}

// Committed tells that the tenant has events up to seq. It never blocks.
func (n *Notifier) Committed(tenant inbox.TenantID, seq int64) {
	n.mu.Lock()
	n.pending[tenant] = max(n.pending[tenant], seq)
	n.mu.Unlock()
	select {
	case n.ring <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends, then what was committed last, and returns nil. A failure costs the others the time until their next poll, so it is
// logged and not repeated.
func (n *Notifier) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-n.ring:
			n.send(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(notifyGap):
			}
		}
	}
	n.send(context.WithoutCancel(ctx))
	return nil
}

func (n *Notifier) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	payloads := make([]string, 0, len(n.pending))
	for tenant, seq := range n.pending {
		payloads = append(payloads, tenant.String()+" "+strconv.FormatInt(seq, 10))
	}
	clear(n.pending)
	return payloads
}

func (n *Notifier) send(ctx context.Context) {
	payloads := n.take()
	if len(payloads) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, err := n.db.pool.Exec(ctx, notify, payloads)
	if err != nil && ctx.Err() == nil && n.log != nil {
		n.log.Warn("other processes could not be told of new events; they poll", "error", redact(err))
	}
}

// parseNotice reads what send wrote; ok is false for anything else, since every role of the cluster may notify.
func parseNotice(payload string) (tenant inbox.TenantID, seq int64, ok bool) {
	id, number, found := strings.Cut(payload, " ")
	if !found || len(payload) > 100 {
		return tenant, 0, false
	}
	tenant, err := inbox.ParseTenantID(id)
	if err != nil {
		return tenant, 0, false
	}
	seq, err = strconv.ParseInt(number, 10, 64)
	return tenant, seq, err == nil && seq > 0
}
