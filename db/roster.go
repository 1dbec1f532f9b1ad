package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

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
