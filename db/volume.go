package db

import (
	"context"
	"time"
)

// openVolume is the number of the volume that takes rows now.
const openVolume = "(SELECT max(v.volume) FROM app.volumes v WHERE v.opened_at IS NOT NULL)"

// TurnVolumes implements outbound.Sweeps.
func (s outboundStore) TurnVolumes(ctx context.Context, keepEvents, keepJournal time.Duration) (string, error) {
	did, err := s.q().TurnVolumes(ctx, keepEvents, keepJournal)
	return did, mapError(err)
}
