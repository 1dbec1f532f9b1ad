package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// IdentityKind is a way of naming a contact.
type IdentityKind string

// The kinds of identity.
const (
	IdentityPhone      IdentityKind = "PHONE"        // E.164 with "+"
	IdentityEmail      IdentityKind = "EMAIL"        // case-folded
	IdentityMetaUserID IdentityKind = "META_USER_ID" // Meta's business-scoped user id
)

// Identity is one normalised name of a contact; unique within the tenant.
type Identity struct {
	Kind          IdentityKind
	Value         string
	ContactID     uuid.UUID
	InvalidAt     *time.Time // when a provider said that it cannot be reached
	InvalidReason string
}

// Contact is a customer.
type Contact struct {
	ID         uuid.UUID
	Name       string // as the person calls himself; may be empty
	Version    int64
	CreatedAt  time.Time
	Identities []Identity // filled by reads that say so
}

// ContactRows are the stored contacts of one tenant.
type ContactRows interface {
	// ContactsByIDs returns the contacts with their identities (phones first) in no particular order; missing ones are absent.
	ContactsByIDs(ctx context.Context, ids []uuid.UUID) ([]Contact, error)
	// VisibleContacts returns those of the contacts that the viewer sees through a conversation.
	VisibleContacts(ctx context.Context, ids []uuid.UUID, viewer Visibility) ([]uuid.UUID, error)
}

// Contact returns a contact that the actor sees through a conversation, with its identities; NotFound for any other.
func (in *Inbox) Contact(ctx context.Context, actor Actor, id uuid.UUID) (Contact, error) {
	var contact Contact
	err := in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		visible, err := tx.VisibleContacts(ctx, []uuid.UUID{id}, actor.Visibility())
		if err != nil {
			return err
		}
		found, err := tx.ContactsByIDs(ctx, visible)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fault.New(fault.NotFound, "there is no such contact")
		}
		contact = found[0]
		return nil
	})
	return contact, err
}

// ContactsOf returns contacts by id, for the conversations that a caller has been given already: it does not ask whether he sees them.
func (in *Inbox) ContactsOf(ctx context.Context, actor Actor, ids []uuid.UUID) (contacts []Contact, err error) {
	err = in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		tx.Last()
		contacts, err = tx.ContactsByIDs(ctx, ids)
		return err
	})
	return contacts, err
}
