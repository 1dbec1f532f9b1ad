package db

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// ContactsByIDs implements inbox.ContactRows.
func (tx *Tx) ContactsByIDs(ctx context.Context, ids []uuid.UUID) ([]inbox.Contact, error) {
	batch := &pgx.Batch{}
	found := queueContacts(batch, tx.tenant, ids, true)
	if err := tx.conn.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	return column(slices.Collect(maps.Values(found)), func(c *inbox.Contact) inbox.Contact { return *c }), nil
}

const (
	contactsByIDs   = `SELECT tenant_id, id, name, version, created_at FROM contacts WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`
	identitiesByIDs = `SELECT tenant_id, kind, value, contact_id, created_at, invalid_at, invalid_reason FROM contact_identities
WHERE tenant_id = $1 AND contact_id = ANY ($2::uuid[])
ORDER BY contact_id, array_position(ARRAY['PHONE', 'EMAIL', 'META_USER_ID'], kind), created_at, value`
)

// queueContacts queues the statements that read contacts, and returns the map that they will be put in.
func queueContacts(batch *pgx.Batch, tenant uuid.UUID, ids []uuid.UUID, identities bool) map[uuid.UUID]*inbox.Contact {
	found := queueByIDs(batch, contactsByIDs, tenant, ids, func(r gen.Contact) (uuid.UUID, inbox.Contact) {
		return r.ID, inbox.Contact{ID: r.ID, Name: r.Name, Version: r.Version, CreatedAt: r.CreatedAt.UTC()}
	})
	if identities {
		queueRows(batch, identitiesByIDs, tenant, ids, func(r gen.ContactIdentity) {
			if c := found[r.ContactID]; c != nil {
				c.Identities = append(c.Identities, identity(r))
			}
		})
	}
	return found
}

// VisibleContacts implements inbox.ContactRows.
func (tx *Tx) VisibleContacts(ctx context.Context, ids []uuid.UUID, viewer inbox.Visibility) ([]uuid.UUID, error) {
	return tx.q.VisibleContacts(ctx, gen.VisibleContactsParams{
		TenantID: tx.tenant, Ids: ids, Everything: viewer.All, Agent: &viewer.Agent, Accounts: notNil(viewer.Accounts),
	})
}

func identity(r gen.ContactIdentity) inbox.Identity {
	return inbox.Identity{
		Kind: inbox.IdentityKind(r.Kind), Value: r.Value, ContactID: r.ContactID, InvalidAt: utc(r.InvalidAt),
		InvalidReason: value(r.InvalidReason),
	}
}
