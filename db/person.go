package db

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// ContactByPhone implements outbound.PersonRows.
func (tx *Tx) ContactByPhone(ctx context.Context, phone string) (uuid.UUID, error) {
	id, err := tx.q.ContactByPhone(ctx, tx.tenant, phone)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return id, err
}

// InsertPerson implements outbound.PersonRows.
func (tx *Tx) InsertPerson(ctx context.Context, c inbox.Contact, phone string) error {
	if err := tx.late.InsertContacts(ctx, tx.tenant, []uuid.UUID{c.ID}, []string{c.Name}, []time.Time{c.CreatedAt}); err != nil {
		return err
	}
	return tx.late.InsertIdentities(ctx, gen.InsertIdentitiesParams{
		TenantID: tx.tenant, Kinds: []string{string(inbox.IdentityPhone)}, Values: []string{phone}, ContactIds: []uuid.UUID{c.ID},
		CreatedAts: []time.Time{c.CreatedAt},
	})
}

// NewestConversation implements outbound.PersonRows.
func (tx *Tx) NewestConversation(ctx context.Context, contact, account uuid.UUID) (uuid.UUID, error) {
	id, err := tx.q.NewestConversationOf(ctx, tx.tenant, contact, account)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return id, err
}
