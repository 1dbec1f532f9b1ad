package db

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Stream is the DB as live reads it: events, what they point to, and who may see them.
type Stream struct{ db *DB }

// Stream returns the source that package live declares.
func (d *DB) Stream() *Stream { return &Stream{db: d} }

const eventsAfter = `
SELECT h.seq, h.epoch, e.seq, e.kind, e.at, e.actor_kind, e.actor_id, e.cause, e.conversation_id, e.channel_account_id, e.contact_id,
  e.message_id, e.message_seq, e.direction, e.agent_id, e.session_id, e.alert_id, e.version, e.status_before, e.status_after,
  e.assignee_before, e.assignee_after, e.team_before, e.team_after, e.message_status_before, e.message_status_after
FROM tenant_heads h
LEFT JOIN LATERAL (SELECT * FROM events x WHERE x.tenant_id = h.tenant_id AND x.seq > $2 ORDER BY x.seq LIMIT $3) e ON true
WHERE h.tenant_id = $1 ORDER BY e.seq`

// Events implements live.Source. It returns NotFound for a tenant that has no stream.
func (s *Stream) Events(ctx context.Context, tenant inbox.TenantID, after int64, limit int, want inbox.Want) (page inbox.EventPage, err error) {
	err = s.db.readTenant(ctx, tenant, func(tx *Tx) error {
		if want == nil {
			tx.Last()
		}
		if page, err = tx.eventsAfter(ctx, after, limit); err != nil || want == nil {
			return err
		}
		var some []inbox.Event
		var all inbox.Reach
		for i := range page.Events {
			if reach, wanted := want(&page.Events[i]); wanted {
				some, all = append(some, page.Events[i]), all.And(reach)
			}
		}
		if len(some) > 0 {
			tx.Last()
			page.Snapshot, err = tx.snapshot(ctx, some, all)
		}
		return err
	})
	return page, err
}

// Snapshot implements live.Source.
func (s *Stream) Snapshot(
	ctx context.Context, tenant inbox.TenantID, events []inbox.Event, reach inbox.Reach,
) (snapshot *inbox.Snapshot, err error) {
	if reach == (inbox.Reach{}) {
		return &inbox.Snapshot{}, nil
	}
	err = s.db.readTenant(ctx, tenant, func(tx *Tx) error {
		tx.Last()
		snapshot, err = tx.snapshot(ctx, events, reach)
		return err
	})
	return snapshot, err
}

// Heads implements live.Source.
func (s *Stream) Heads(ctx context.Context, tenants []inbox.TenantID) (map[inbox.TenantID]inbox.Cursor, error) {
	ids := column(tenants, inbox.TenantID.UUID)
	rows, err := s.db.pool.Query(ctx, "SELECT tenant_id, seq, epoch FROM app.heads($1)", ids)
	if err != nil {
		return nil, mapError(err)
	}
	heads := make(map[inbox.TenantID]inbox.Cursor, len(tenants))
	var id, epoch uuid.UUID
	var seq int64
	_, err = pgx.ForEachRow(rows, []any{&id, &seq, &epoch}, func() error {
		heads[inbox.TenantOf(id)] = inbox.Cursor{Epoch: epochText(epoch), Seq: seq}
		return nil
	})
	return heads, mapError(err)
}

const keyAccess = `
SELECT k.scopes FROM api_keys k JOIN tenants t ON t.tenant_id = k.tenant_id
WHERE k.tenant_id = $1 AND k.id = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND t.status = 'ACTIVE'`

// Access implements live.Source.
func (s *Stream) Access(ctx context.Context, actor inbox.Actor) (fresh inbox.Actor, err error) {
	err = s.db.readTenant(ctx, actor.Tenant(), func(tx *Tx) error {
		ok := false
		switch actor.Kind() {
		case inbox.ActorAgent:
			access, found, err := tx.AgentAccess(ctx, actor.ID(), actor.Session(), time.Now())
			if err != nil {
				return err
			}
			ok = found
			fresh = inbox.AgentActor(actor.Tenant(), actor.ID(), actor.Session(), access.Role, access.Accounts)
		case inbox.ActorAPIKey:
			var scopes []string
			found, err := found(tx.conn.QueryRow(ctx, keyAccess, tx.tenant, actor.ID()).Scan(&scopes))
			if err != nil {
				return err
			}
			ok = found
			fresh = inbox.APIKeyActor(actor.Tenant(), actor.ID(), column(scopes, func(s string) inbox.Scope { return inbox.Scope(s) }))
		}
		if !ok {
			return fault.New(fault.Unauthenticated, "the sign-in has ended; sign in again")
		}
		return nil
	})
	return fresh, err
}

func (tx *Tx) eventsAfter(ctx context.Context, after int64, limit int) (page inbox.EventPage, err error) {
	rows, err := tx.conn.Query(ctx, eventsAfter, tx.tenant, after, limit)
	if err != nil {
		return page, err
	}
	var epoch uuid.UUID
	var r eventRow
	_, err = pgx.ForEachRow(rows, append([]any{&page.Head, &epoch}, r.targets()...), func() error {
		if r.seq != nil {
			page.Events = append(page.Events, r.event())
		}
		return nil
	})
	if err == nil && epoch == uuid.Nil {
		return page, fault.New(fault.NotFound, "there is no such tenant")
	}
	page.Epoch = epochText(epoch)
	return page, err
}

// epochText returns the form of an epoch that cursors carry: of its bytes, those that are random in every version of UUID.
func epochText(epoch uuid.UUID) string { return base64.RawURLEncoding.EncodeToString(epoch[10:]) }

// eventRow takes one row of eventsAfter; every column is null when the tenant has no event in the range.
type eventRow struct {
	seq, messageSeq, version                              *int64
	kind, actorKind, cause, direction                     *string
	statusBefore, statusAfter                             *string
	messageStatusBefore, messageStatusAfter               *string
	at                                                    *time.Time
	actor, conversation, account, contact, message, agent *uuid.UUID
	session, alert                                        *uuid.UUID
	assigneeBefore, assigneeAfter, teamBefore, teamAfter  *uuid.UUID
}

func (r *eventRow) targets() []any {
	return []any{
		&r.seq, &r.kind, &r.at, &r.actorKind, &r.actor, &r.cause, &r.conversation, &r.account, &r.contact, &r.message, &r.messageSeq,
		&r.direction, &r.agent, &r.session, &r.alert, &r.version, &r.statusBefore, &r.statusAfter, &r.assigneeBefore, &r.assigneeAfter,
		&r.teamBefore, &r.teamAfter, &r.messageStatusBefore, &r.messageStatusAfter,
	}
}

func (r *eventRow) event() inbox.Event {
	return inbox.Event{
		Seq: *r.seq, Kind: inbox.EventKind(*r.kind), At: r.at.UTC(), ActorKind: inbox.ActorKind(*r.actorKind), ActorID: r.actor,
		Cause: inbox.Cause(value(r.cause)), ConversationID: r.conversation, ChannelAccountID: r.account, ContactID: r.contact,
		MessageID: r.message, MessageSeq: value(r.messageSeq), Direction: inbox.Direction(value(r.direction)), AgentID: r.agent,
		SessionID: r.session, AlertID: r.alert, Version: value(r.version), StatusBefore: inbox.Status(value(r.statusBefore)),
		StatusAfter: inbox.Status(value(r.statusAfter)), AssigneeBefore: r.assigneeBefore, AssigneeAfter: r.assigneeAfter,
		TeamBefore: r.teamBefore, TeamAfter: r.teamAfter, MessageStatusBefore: inbox.MessageStatus(value(r.messageStatusBefore)),
		MessageStatusAfter: inbox.MessageStatus(value(r.messageStatusAfter)),
	}
}
