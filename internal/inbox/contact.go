package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
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
}
