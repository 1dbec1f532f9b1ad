package main

import (
	"context"
	"fmt"
	"net/http"
)

// changeSQL commits one event of the tenant, as another process of the product would.
const changeSQL = `WITH head AS (UPDATE tenant_heads SET seq = seq + 1 WHERE tenant_id = $1 RETURNING seq, volume)
INSERT INTO events (tenant_id, seq, kind, at, actor_kind, conversation_id, channel_account_id, contact_id, message_id, message_seq, direction, version,
  status_before, status_after, message_status_after, volume)
SELECT $1, head.seq, 'MESSAGE_CREATED', now(), 'SYSTEM', c.id, c.channel_account_id, c.contact_id, $3, 10, 'INBOUND', c.version, c.status, c.status,
  'RECEIVED', head.volume FROM head, conversations c WHERE c.tenant_id = $1 AND c.id = $2 RETURNING seq`

// change commits one change of a conversation of the audience's tenant and tells of it, in two transactions as the product does.
func (b *bench) change(ctx context.Context) error {
	var seq int64
	if err := b.pool.QueryRow(ctx, changeSQL, tenantID(audienceTenant), conversationID(audienceTenant, 1),
		messageID(audienceTenant, 1, 9)).Scan(&seq); err != nil {
		return err
	}
	_, err := b.pool.Exec(ctx, `SELECT pg_notify('switchboard_events', $1)`, fmt.Sprintf("%s %d", tenantID(audienceTenant), seq))
	return err
}

// broadcast lets the stand-in publish a text of so many bytes so many times.
func (b *bench) broadcast(ctx context.Context, room string, times int, size int64) error {
	_, err := get(ctx, http.MethodPost, fmt.Sprintf("%s/broadcast?room=%s&times=%d&size=%d", b.standins.url, room, times, size))
	return err
}
