package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// IdentitiesByValues implements inbox.PersonRows.
func (tx *Tx) IdentitiesByValues(ctx context.Context, identities []inbox.Identity) ([]inbox.Identity, error) {
	kinds, names := identityColumns(identities)
	rows, err := tx.q.IdentitiesByValues(ctx, kinds, names, tx.tenant)
	return column(rows, identity), err
}

// InsertContacts implements inbox.PersonRows.
func (tx *Tx) InsertContacts(ctx context.Context, contacts []inbox.Contact) error {
	return tx.late.InsertContacts(ctx, tx.tenant, column(contacts, func(c inbox.Contact) uuid.UUID { return c.ID }),
		column(contacts, func(c inbox.Contact) string { return c.Name }),
		column(contacts, func(c inbox.Contact) time.Time { return c.CreatedAt }))
}

// InsertIdentities implements inbox.PersonRows.
func (tx *Tx) InsertIdentities(ctx context.Context, identities []inbox.Identity, at time.Time) error {
	kinds, names := identityColumns(identities)
	return tx.late.InsertIdentities(ctx, gen.InsertIdentitiesParams{
		TenantID: tx.tenant, Kinds: kinds, Values: names,
		ContactIds: column(identities, func(i inbox.Identity) uuid.UUID { return i.ContactID }),
		CreatedAts: column(identities, func(inbox.Identity) time.Time { return at }),
	})
}

// LockContacts implements inbox.PersonRows.
func (tx *Tx) LockContacts(ctx context.Context, ids []uuid.UUID) ([]inbox.Contact, error) {
	rows, err := tx.q.LockContacts(ctx, tx.tenant, ids)
	return column(rows, func(r gen.Contact) inbox.Contact {
		return inbox.Contact{ID: r.ID, Name: r.Name, Version: r.Version, CreatedAt: r.CreatedAt.UTC()}
	}), err
}

// UpdateContacts implements inbox.PersonRows.
func (tx *Tx) UpdateContacts(ctx context.Context, contacts []inbox.Contact) error {
	return tx.late.UpdateContacts(ctx, tx.tenant, column(contacts, func(c inbox.Contact) uuid.UUID { return c.ID }),
		column(contacts, func(c inbox.Contact) string { return c.Name }),
		column(contacts, func(c inbox.Contact) int64 { return c.Version }))
}

// ValidateIdentities implements inbox.PersonRows.
func (tx *Tx) ValidateIdentities(ctx context.Context, identities []inbox.Identity) error {
	kinds, names := identityColumns(identities)
	return tx.late.ValidateIdentities(ctx, tx.tenant, kinds, names)
}

func identityColumns(identities []inbox.Identity) (kinds, names []string) {
	return column(identities, func(i inbox.Identity) string { return string(i.Kind) }),
		column(identities, func(i inbox.Identity) string { return i.Value })
}

// Routings implements inbox.RouteRows.
func (tx *Tx) Routings(ctx context.Context, accounts []uuid.UUID) (map[uuid.UUID]inbox.Routing, error) {
	rows, err := tx.q.IngestAccounts(ctx, tx.tenant, accounts)
	if err != nil {
		return nil, err
	}
	routings := make(map[uuid.UUID]inbox.Routing, len(rows))
	for _, r := range rows {
		routings[r.ID] = inbox.Routing{
			TeamID: r.TeamID, ReopenWithinDays: int(r.ReopenWithinDays), ReopenKeepsAssignee: r.ReopenKeepsAssignee,
		}
	}
	return routings, nil
}

// KnownExternalIDs implements inbox.RouteRows.
func (tx *Tx) KnownExternalIDs(ctx context.Context, refs []inbox.ExternalRef) (map[inbox.ExternalRef]inbox.Known, error) {
	accounts, externals := refColumns(refs)
	rows, err := tx.q.KnownExternalIDs(ctx, accounts, externals, tx.tenant)
	if err != nil {
		return nil, err
	}
	known := make(map[inbox.ExternalRef]inbox.Known, len(rows))
	for _, r := range rows {
		ref := inbox.ExternalRef{ChannelAccountID: r.ChannelAccountID, ExternalID: r.ExternalID}
		known[ref] = inbox.Known{MessageID: r.MessageID, ConversationID: r.ConversationID}
	}
	return known, nil
}

// NewestConversations implements inbox.RouteRows.
func (tx *Tx) NewestConversations(ctx context.Context, pairs []inbox.Pair) ([]uuid.UUID, error) {
	return tx.q.NewestConversations(ctx, column(pairs, func(p inbox.Pair) uuid.UUID { return p.ContactID }),
		column(pairs, func(p inbox.Pair) uuid.UUID { return p.ChannelAccountID }), tx.tenant)
}
