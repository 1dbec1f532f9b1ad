package outbound

import (
	"cmp"
	"context"
	"time"
)

const (
	keepEvents  = 14 * 24 * time.Hour
	keepJournal = 30 * 24 * time.Hour
)

// sweepVolumes begins a new volume of the events and the journal when its time has come, and drops what is no longer promised: one step a
// sweep, because each holds the tables for a moment.
func (o *Outbound) sweepVolumes(ctx context.Context) error {
	did, err := o.store.TurnVolumes(ctx, cmp.Or(o.cfg.KeepEvents, keepEvents), cmp.Or(o.cfg.KeepJournal, keepJournal))
	if did != "" {
		o.cfg.Log.InfoContext(ctx, "retention", "did", did)
	}
	return err
}
