package db

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// ContactsByIDs implements inbox.ContactRows.
func (tx *Tx) ContactsByIDs(ctx context.Context, ids []uuid.UUID) ([]inbox.Contact, error) {
	rows, err := tx.q.ContactsByIDs(ctx, tx.tenant, ids)
	if err != nil {
		return nil, err
	}
	names, err := tx.q.IdentitiesByContactIDs(ctx, tx.tenant, ids)
	if err != nil {
		return nil, err
	}
	identities := make(map[uuid.UUID][]inbox.Identity, len(rows))
	for _, r := range names {
		identities[r.ContactID] = append(identities[r.ContactID], identity(r))
	}
	return column(rows, func(r gen.Contact) inbox.Contact {
		return inbox.Contact{ID: r.ID, Name: r.Name, Version: r.Version, CreatedAt: r.CreatedAt.UTC(), Identities: identities[r.ID]}
	}), nil
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
